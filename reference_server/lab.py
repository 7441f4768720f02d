"""The lab: one small route for each thing that a session can do, for curious people and browser tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reference_server.demo import (
    cart,
    done,
    fields,
    gate,
    opened,
    required,
    session_of,
    whole_number,
)
from reference_server.inspector import Page

MOST_BYTES = 10_000_000
"""The largest text that `POST /lab/large` makes."""
THREADS = 8
SECONDS = 10
"""How long a thread waits for the others, before the request fails."""


async def page(request: Request) -> Response:
    session = await opened(request)
    return Page(
        request,
        "lab.html",
        done=request.query_params.get("done"),
        values=dict(session),
        flash=[key for key in session if session.is_flash(key)],
        items=cart(request).get("items", []),
    )


async def untouched(request: Request) -> Response:
    await gate(request)
    return PlainTextResponse("This page never looks at the session.\n")


async def get(request: Request) -> Response:
    session = await opened(request)
    return JSONResponse({"value": session.get(required(await fields(request), "key"))})


async def set_(request: Request) -> Response:
    given = await fields(request)
    session = await opened(request)
    session.set(required(given, "key"), given.get("value", ""))
    return done(request, "set")


async def forget(request: Request) -> Response:
    given = await fields(request)
    session = await opened(request)
    session.forget(required(given, "key"))
    return done(request, "forget")


async def increment(request: Request) -> Response:
    given = await fields(request)
    key = required(given, "key")
    session = await opened(request)
    if not isinstance(session.get(key, 0), int | float):
        return JSONResponse({"error": f"{key} is not a number"}, status_code=409)
    return done(request, "increment", value=session.increment(key))


async def append(request: Request) -> Response:
    """An in-place change: nothing is assigned, the library has to notice (OBJ-4)."""
    given = await fields(request)
    key = required(given, "key")
    session = await opened(request)
    items = session.setdefault(key, [])
    if not isinstance(items, list):
        return JSONResponse({"error": f"{key} is not a list"}, status_code=409)
    items.append(given.get("value", ""))
    return done(request, "append", value=items)


async def update(request: Request) -> Response:
    """The same by a function, which is replayed on a conflict and so exact under load (CONC-2)."""
    given = await fields(request)
    key = required(given, "key")
    session = await opened(request)
    if not isinstance(session.get(key, []), list):
        return JSONResponse({"error": f"{key} is not a list"}, status_code=409)
    value = session.update(key, lambda items: [*(items or []), given.get("value", "")])
    return done(request, "update", value=value)


async def flash(request: Request) -> Response:
    given = await fields(request)
    session = await opened(request)
    session.flash("flash", given.get("value", ""))
    return done(request, "flash")


async def read_flash(request: Request) -> Response:
    session = await opened(request)
    return JSONResponse({"value": session.get("flash")})


def threads(request: Request) -> Response:
    """Starlette runs a plain function in a thread, and this one starts more of them (CONC-6)."""
    session = session_of(request)
    together = Barrier(THREADS, timeout=SECONDS)

    def count(_: int) -> None:
        waited = False

        def one_more(value: Any) -> int:
            nonlocal waited
            if not waited:
                waited = True
                together.wait()  # all of them have read the same number before the first changes it
            return int(value or 0) + 1

        session.update("threads", one_more)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(count, range(THREADS)))
    return done(request, "threads", value=session["threads"])


async def save(request: Request) -> Response:
    """Save in the middle of a request; the answer is all that the handler sees afterwards."""
    given = await fields(request)
    session = await opened(request)
    session.set(required(given, "key"), given.get("value", ""))
    await session.save()
    return done(request, "save", values=dict(session))


async def touch(request: Request) -> Response:
    session = await opened(request)
    session.touch()
    return done(request, "touch")


async def rotate(request: Request) -> Response:
    session = await opened(request)
    session.rotate()
    return done(request, "rotate")


async def destroy(request: Request) -> Response:
    session = await opened(request)
    session.destroy()
    return done(request, "destroy")


async def large(request: Request) -> Response:
    given = await fields(request)
    size = min(whole_number(given, "bytes", 5000), MOST_BYTES)
    session = await opened(request)
    session.set("large", "x" * size)
    return done(request, "large", length=size)


async def read_large(request: Request) -> Response:
    session = await opened(request)
    return JSONResponse({"length": len(session.get("large", ""))})


async def read_cart(request: Request) -> Response:
    session = await opened(request, cart(request))
    return JSONResponse({"items": session.get("items", [])})


async def add_to_cart(request: Request) -> Response:
    given = await fields(request)
    item = required(given, "item")
    session = await opened(request, cart(request))
    items = session.update("items", lambda items: [*(items or []), item])
    return done(request, "cart", items=items)


async def rotate_cart(request: Request) -> Response:
    session = await opened(request, cart(request))
    session.rotate()
    return done(request, "cart-rotate")


async def destroy_cart(request: Request) -> Response:
    session = await opened(request, cart(request))
    session.destroy()
    return done(request, "cart-destroy")


routes = [
    Route("/lab", page),
    Route("/lab/untouched", untouched),
    Route("/lab/get", get),
    Route("/lab/get/{key}", get),
    Route("/lab/flash", read_flash),
    Route("/lab/flash", flash, methods=["POST"]),
    Route("/lab/threads", threads, methods=["POST"]),
    Route("/lab/touch", touch, methods=["POST"]),
    Route("/lab/rotate", rotate, methods=["POST"]),
    Route("/lab/destroy", destroy, methods=["POST"]),
    Route("/lab/large", read_large),
    Route("/lab/large", large, methods=["POST"]),
    Route("/lab/cart", read_cart),
    Route("/lab/cart", add_to_cart, methods=["POST"]),
    Route("/lab/cart/rotate", rotate_cart, methods=["POST"]),
    Route("/lab/cart/destroy", destroy_cart, methods=["POST"]),
]
# A form cannot put what is typed into its address, so the verbs take their key from either place.
for verb in (set_, forget, increment, append, update, save):
    name = verb.__name__.rstrip("_")
    routes += [Route(f"/lab/{name}{key}", verb, methods=["POST"]) for key in ("", "/{key}")]
