"""Handlers that fail, and what is kept of their changes (SAVE-2, SAVE-6, FLASH-4, OUT-4)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reference_server.demo import DeliberateError, fields, opened, whole_number

ERRORS = range(400, 600)
"""HTTP statuses (RFC 9110, sections 15.5 and 15.6)."""


def status_of(given: Mapping[str, str]) -> int:
    """Raises a 400 `HTTPException` for a status that is no error."""
    status = whole_number(given, "status", 409)
    if status not in ERRORS:
        raise HTTPException(400, "status is a number from 400 to 599")
    return status


async def fail(request: Request) -> Response:
    given = await fields(request)
    session = await opened(request)
    session.set(given.get("key") or "failed", given.get("value", ""))
    raise DeliberateError("The handler changed the session and failed. Nothing of the change is kept.")


async def flash_then_fail(request: Request) -> Response:
    session = await opened(request)
    session.get("flash")
    raise DeliberateError("The handler read the flash value and failed. Its retry still sees it.")


async def destroy_then_fail(request: Request) -> Response:
    """With `?status=` it answers so, otherwise it raises."""
    session = await opened(request)
    session.destroy()
    if "status" in request.query_params:
        raise HTTPException(status_of(request.query_params), "The handler ended the session and failed.")
    raise DeliberateError("The handler ended the session and failed. You are logged out all the same.")


async def refuse(request: Request) -> Response:
    """Change the session and answer with this status. The message is for the page that comes next."""
    given = await fields(request)
    status = status_of(given)
    session = await opened(request)
    session.set(given.get("key") or "refused", given.get("value", ""))
    if given.get("message"):
        session.flash("message", given["message"])
    kept = "is kept" if status < 500 else "is not kept"
    raise HTTPException(status, f"The handler changed the session and answered {status}. The change {kept}.")


routes = [
    Route("/lab/fail", fail, methods=["GET", "POST"]),
    Route("/lab/flash-then-fail", flash_then_fail),
    Route("/lab/destroy-then-fail", destroy_then_fail, methods=["POST"]),
    Route("/lab/refuse", refuse, methods=["POST"]),
    Route("/lab/refuse/{status}", refuse, methods=["POST"]),
]
