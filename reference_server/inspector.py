"""The panel on every page that tells what the library did for this very response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reference_server.demo import Demo, demo, session_of, url
from reference_server.observer import observed
from reference_server.own_lifetime import OWN_LIFETIME
from sessions import Session


@dataclass(frozen=True)
class Clock:
    """Seconds left of seconds granted, for a text and a bar."""

    left: float
    of: float

    @property
    def text(self) -> str:
        return duration(self.left)

    @property
    def granted(self) -> str:
        return timeout(self.of)

    @property
    def is_over(self) -> bool:
        """Whether there is more left than was granted: an extension pays for some time in advance."""
        return self.left > self.of


@dataclass(frozen=True)
class Rule:
    """Seconds of the timeouts that the session lives by; with neither it ends with the browser."""

    expire_after: float | None
    absolute_timeout: float | None
    is_own: bool

    def __str__(self) -> str:
        whose = "its own" if self.is_own else "the app's"
        parts = [f"{timeout(self.expire_after)} without a request"] if self.expire_after else []
        parts += [f"{timeout(self.absolute_timeout)} in all"] if self.absolute_timeout else []
        return f"{whose} timeouts: {', '.join(parts)}" if parts else f"{whose} rule: it ends with the browser"


@dataclass(frozen=True)
class Device:
    """`proof` and `proved` are there if this request had a proof: what is left of it, and how old it is."""

    is_bound: bool
    proof: Clock | None
    proved: str | None


@dataclass(frozen=True)
class Panel:
    is_new: bool
    short_id: str | None
    age: str | None
    rule: Rule
    idle: Clock | None
    absolute: Clock | None
    device: Device
    keys: list[tuple[str, bool]]
    cookies_set: list[str]

    @property
    def lives_by(self) -> str:
        return str(self.rule)


class Page(Response):
    """An HTML page that is rendered after its session was committed.

    Whether a response sets a cookie, and under which id the session lives on, is settled only when the
    session middleware sees `http.response.start`. So this response starts first and renders then: the
    panel shows what `Observer`, outside the middleware, saw leave, rather than a forecast of it. Nothing
    is changed after the start, and everything a template needs of the session is read before it.
    """

    media_type = "text/html"

    def __init__(self, request: Request, template: str, status_code: int = 200, **context: Any) -> None:
        self.status_code = status_code
        self.background = None
        self.init_headers()
        self._request = request
        self._session = session_of(request)
        if self._session.owner is not None:
            # What is on a signed-in page is for its user alone, and not for who presses Back after the
            # logout (OWASP ASVS 5, 14.3.2). Else no word of our own: the library's is part of the show.
            self.headers["Cache-Control"] = "no-store"
        self._template = template
        self._context = context | {"signed_in_as": self._session.get("email")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        panel = inspect(demo(self._request), self._session, observed(scope).cookies)
        body = render(self._request, self._template, panel=panel, **self._context)
        await send({"type": "http.response.body", "body": body.encode()})


def render(request: Request, template: str, **context: Any) -> str:
    here = demo(request)
    app_root = request.scope.get("app_root_path", "")
    common: Mapping[str, Any] = {
        "demo": here,
        "request": request,
        "profiles": here.profiles,
        "url": lambda path: url(request, path),
        "app_url": lambda path: app_root + path,
        "path": request.scope["path"].removeprefix(url(request, "")),
    }
    return here.templates.get_template(template).render({**common, **context})


def inspect(here: Demo, session: Session, cookies_set: list[str]) -> Panel:
    now = datetime.now(UTC)
    exists = len(session) > 0 or not session.is_new
    age = (now - session.created_at).total_seconds() if exists and session.created_at else None
    left = (session.expires_at - now).total_seconds() if exists and session.expires_at else None
    rule = rule_of(here, session)
    idle = absolute = None
    if left is not None and rule.expire_after:
        idle = Clock(left, rule.expire_after)
    if age is not None and rule.absolute_timeout:
        absolute = Clock(rule.absolute_timeout - age, rule.absolute_timeout)
    return Panel(
        is_new=session.is_new,
        short_id=shortened(session),
        age=None if age is None else duration(age),
        rule=rule,
        idle=idle,
        absolute=absolute,
        device=device_of(session, now),
        keys=sorted((key, session.is_flash(key)) for key in session),
        cookies_set=cookies_set,
    )


def device_of(session: Session, now: datetime) -> Device:
    proof = session.device_proof
    if proof is None:
        return Device(session.is_device_bound, None, None)
    lasts, left = proof.expires_at - proof.proved_at, proof.expires_at - now
    return Device(
        session.is_device_bound,
        Clock(left.total_seconds(), lasts.total_seconds()),
        duration((now - proof.proved_at).total_seconds()),
    )


def rule_of(here: Demo, session: Session) -> Rule:
    own = session.get(OWN_LIFETIME)
    if own is None:
        return Rule(here.profile.expire_after, here.profile.absolute_timeout, is_own=False)
    expire_after, absolute_timeout = own
    return Rule(expire_after, absolute_timeout, is_own=True)


def shortened(session: Session) -> str | None:
    """Enough of the id to tell it from others, and too little to be it."""
    return f"{session.id[:6]}…" if session.id else None


def timeout(seconds: float) -> str:
    """As somebody has set it: "30 min", "2 s"."""
    return f"{seconds:g} s" if seconds < 10 else duration(seconds)


def duration(seconds: float) -> str:
    """Two units at most: "1 h 59 min", "4 min 3 s", "1.4 s"."""
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for size, unit, smaller, small_unit in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {small_unit}" if rest else "")
    return f"{whole} s"
