"""Note what each test asks of the server as it runs; `pytest e2e --note-needs` writes needs.json."""

import inspect
from collections import defaultdict
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Request

from e2e.judge import needs
from e2e.judge.needs import CONTROL, CONTROL_BY_ARGUMENT, CONTROL_BY_TEXT, PROFILE
from e2e.judge.protocol import protocol
from e2e.promises import id_of

NOT_THERE = "/no-such-page"
"""What tests ask for because no server has it."""


def is_for_any_server(item: pytest.Item) -> bool:
    """Whether a judged server can be asked: a test that names servers is for those alone."""
    return all("server" not in marker.kwargs for marker in item.iter_markers("only"))


class Notes:
    """What the tests of a run have asked for."""

    def __init__(self) -> None:
        self._asked: defaultdict[str, set[str]] = defaultdict(set)
        self._promises: dict[str, tuple[str, ...]] = {}
        self._unknown: set[str] = set()

    def of(self, test: str, item: pytest.Function) -> Callable[[BrowserContext], None]:
        """To be called with each context that the test opens."""
        function = inspect.unwrap(getattr(item.obj, "scenario", item.obj))
        text = inspect.getsource(function)
        asked = self._asked[test]
        named = (name for marker in item.iter_markers("promise") for name in marker.args)
        self._promises[test] = tuple(sorted(set(map(id_of, named))))
        asked |= {
            f"{CONTROL}{what}"
            for name, what in CONTROL_BY_ARGUMENT.items()
            if name in inspect.signature(function).parameters
        }
        asked |= {f"{CONTROL}{what}" for words, what in CONTROL_BY_TEXT.items() if words in text}

        def note(method: str, url: str) -> None:
            path = urlsplit(url).path
            if path.endswith(NOT_THERE):
                return
            if (found := protocol().find(method, path)) is None:
                self._unknown.add(f"{method} {path} ({test})")
                return
            profile, route = found
            asked.add(route.name)
            if profile.prefix:
                asked.add(f"{PROFILE}{profile.prefix}")

        def on_request(request: Request) -> None:
            # Each page has a style sheet; it matters to the test that speaks of it.
            if request.resource_type not in ("stylesheet", "image") or "/static/" in text:
                note(request.method, request.url)

        def on_page(page: Page) -> None:
            page.on("websocket", lambda socket: note("GET", socket.url))

        def watch(context: BrowserContext) -> None:
            context.on("request", on_request)
            context.on("page", on_page)
            for page in context.pages:
                on_page(page)

        return watch

    def save(self) -> list[str]:
        """Write needs.json. Returns what tests have asked that docs/judge.openapi.yaml does not list."""
        needs.save(
            {
                test: needs.Needed(self._promises[test], tuple(sorted(asked)))
                for test, asked in self._asked.items()
            }
        )
        return sorted(self._unknown)
