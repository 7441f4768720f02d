"""More pages for an app of Django on ASGI."""

from importlib import import_module
from typing import Any

from django.contrib.messages import get_messages, info
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from framework_pages.after import late, stream
from sessions import get_session


def add_pages(app: Any) -> None:
    def read(request: ASGIRequest) -> JsonResponse:
        return JsonResponse(dict(get_session(request)))

    def untouched(request: ASGIRequest) -> HttpResponse:
        return HttpResponse()

    def lose(request: ASGIRequest) -> HttpResponse:
        get_session(request)["lost"] = 1
        return HttpResponse(status=500)

    async def streamed(request: ASGIRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(stream(get_session(request)))

    async def streamed_late(request: ASGIRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(late(get_session(request)))

    def own(request: Any) -> JsonResponse:
        request.session["theirs"] = 1
        shown = [str(message) for message in get_messages(request)]
        info(request, "hello")
        return JsonResponse(shown, safe=False)

    pages = {
        "read": read,
        "untouched": untouched,
        "lose": lose,
        "stream": streamed,
        "late": streamed_late,
        "own": own,
    }
    import_module("on_django").urlpatterns.extend(path(name, page) for name, page in pages.items())
