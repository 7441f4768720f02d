"""How the sessions of one middleware are bound to devices: options, cookies, challenges.

Device Bound Session Credentials (W3C draft): the browser makes a key pair that it cannot give away. The
server keeps the public key, and a cookie that lives for some minutes says that the browser has just proved to
have the other one. Three cookies go with it:

    session-device   the bound cookie: when the device proved last, and a MAC
    session-finder   only for the endpoint: the session's key, so that a renewal finds it. It opens nothing.
    session-guest    an anonymous session of who comes without proof, so that the owner's cookie stays

A MAC is HMAC-SHA-256 under the secret of the session's device. It says what it is for, and names the device,
the moment, the cookie and the realm.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from sessions._asgi import ASGIApp, Headers, Scope, path_of
from sessions._cookie import Cookie, CookieOptions
from sessions._cookie_header import MAX_COOKIE
from sessions._device import Device
from sessions._json import encode
from sessions._keys import Purpose
from sessions._lifetime import Duration, seconds
from sessions._proof import encoded

CHALLENGE_SECONDS: Final = 60
"""How long a challenge is good for. A proof that was overheard can be shown again for that long."""

INVITATION_SECONDS: Final = 300
"""How long a browser has to register: to make a key in a security chip takes seconds."""

SKEW: Final = 60
"""Seconds by which the clocks of two servers may differ."""

SKIPPED: Final = frozenset({"unreachable", "server_error", "quota_exceeded"})
"""Why a browser sends a request without proof, as the draft names it (`Secure-Session-Skipped`). Anybody can
say so: it changes nothing but the reason in an event."""

_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_MOMENT: Final = re.compile(r"[1-9][0-9]{0,11}")
_is_key: Final = re.compile("[0-9a-f]{64}").fullmatch

_COOKIE: Final = "bound cookie"
_CHALLENGE: Final = "device challenge"
_INVITATION: Final = "device invitation"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBinding:
    """Binds sessions to the device that logged in, in browsers that can (Chrome from 145 on).

    Experimental, as the W3C draft that it follows is: Device Bound Session Credentials. Every other browser
    has an ordinary session.

    Raises `ValueError` and `TypeError` at construction for what cannot work.
    """

    max_age: Duration = 600
    """Seconds, or a `timedelta`, that a proof holds: for that long stolen cookies are good. Chrome renews it
    when less than two minutes are left, so that under 120 each request waits for a proof."""
    path: str = "/device-session"
    """Where browsers register and renew. The middleware answers there itself, and the app does not. It must
    be reachable without a login, a rate limit or a check of forms. Each middleware needs one of its own."""
    unproven: Callable[[Scope], ASGIApp | None] | None = None
    """What answers a request that comes with the cookie of a bound session and without proof. A function of
    the scope that returns an ASGI app, for example a page with the status 401; or None, and then the request
    goes on as an anonymous one. Without this function all go on."""
    static: Collection[str] = ()
    """Paths such as `["/static/"]` whose requests browsers send without waiting for a proof. Those that
    `exclude` names need not be repeated."""
    include_site: bool = False
    """Whether browsers renew for requests to all subdomains too: with a cookie that has a `domain`. The draft
    has the conditions."""

    def __post_init__(self) -> None:
        if seconds("max_age", self.max_age) is None:
            raise ValueError("max_age is a number of seconds or a timedelta")
        if self.age < 1:
            raise ValueError("max_age must be at least 1 s")
        if not isinstance(self.path, str) or not _PATH.fullmatch(self.path):
            raise ValueError("path is a path such as '/device-session', of letters, digits and -._~/")
        if self.unproven is not None and not callable(self.unproven):
            raise TypeError("unproven is a function of the scope")
        if isinstance(self.static, str) or not all(isinstance(path, str) for path in self.static):
            raise TypeError("static is a collection of paths")
        if any(not path.startswith("/") for path in self.static):
            raise ValueError("each path in static begins with a slash")

    @property
    def age(self) -> float:
        """`max_age` in seconds."""
        return self.max_age.total_seconds() if isinstance(self.max_age, timedelta) else self.max_age


class Binding:
    """The device binding of one middleware."""

    def __init__(
        self, options: DeviceBinding, purpose: Purpose, cookie: CookieOptions, exclude: object
    ) -> None:
        """`exclude`: the middleware's. Raises `ValueError` for a cookie that no browser binds."""
        if cookie.secure is False:
            raise ValueError("device_binding needs https: leave secure=False out of cookie_options")
        if cookie.partitioned:
            # Chromium sends its key, and then gives up (InvalidCredentialsCookieUnpermittedAttribute).
            raise ValueError(
                "browsers bind no partitioned cookie: leave partitioned=True out of cookie_options"
            )
        self.options = options
        self._purposes = {use: purpose.of(use) for use in (_COOKIE, _CHALLENGE, _INVITATION)}
        self._max_age = options.age
        self._leeway = min(30.0, self._max_age / 20)
        self._grace = min(10.0, self._max_age / 4)
        name, secure = purpose.cookie_name, replace(cookie, secure=True, http_only=True)
        self._device = Cookie(f"{name}-device", secure)
        prefixed = name.lower().startswith("__host-")  # such a cookie has the path /
        self._finder = Cookie(
            f"__Secure-{name[len('__Host-') :]}-finder" if prefixed else f"{name}-finder",
            replace(secure, path=self.endpoint, same_site="none"),
        )
        self.guest = Cookie(f"{name}-guest", cookie)
        self._domain = cookie.domain
        excluded = exclude if isinstance(exclude, Collection) else ()
        # To a browser a path stands for all below it, to `exclude` only one with a slash at its end.
        self._free = [*options.static, *[path for path in excluded if str(path).endswith("/")]]

    # -- the endpoint ----------------------------------------------------------------------------------------

    def is_endpoint(self, scope: Scope) -> bool:
        return scope["type"] == "http" and path_of(scope) == self.options.path

    def endpoint(self, scope: Scope) -> str:
        """The endpoint's path, as the browser has it."""
        return quote(scope.get("root_path", "")) + self.options.path

    # -- the bound cookie ------------------------------------------------------------------------------------

    def proved_at(self, scope: Scope, device: Device, now: float) -> tuple[float, float] | None:
        """When the device proved last that it has its key, and how long that holds, both in seconds.

        None for a request without a valid bound cookie. Such a one may be planted, so each is looked at.
        """
        found = self._of(self._device, scope).find(scope["headers"])
        values = () if found is None else ((found.value,) if found.value else found.several)
        for value in values:
            moment = self._moment(value, _COOKIE, device, now, self._max_age + self._leeway)
            if moment is not None:
                return moment, self._max_age
        # What the browser has sent before it got its first bound cookie.
        if device.bound_at is not None and now < device.bound_at + self._grace:
            return device.bound_at, self._grace
        return None

    def bound_cookie(self, scope: Scope, device: Device, now: float) -> list[bytes]:
        """The `Set-Cookie` value that says that the device has just proved to have its key."""
        value = self._signed(_COOKIE, device, now)
        return self._of(self._device, scope).write(
            value, round(self._max_age), https=True, max_bytes=MAX_COOKIE
        )

    # -- challenges ------------------------------------------------------------------------------------------

    def challenge(self, device: Device, now: float) -> str:
        return self._signed(_CHALLENGE, device, now)

    def is_challenge(self, text: str, device: Device, now: float) -> bool:
        """Whether it is one of ours, for this device, and not too old."""
        return self._moment(text, _CHALLENGE, device, now, CHALLENGE_SECONDS) is not None

    def invitation(self, scope: Scope, key: str, device: Device, now: float) -> tuple[bytes, bytes]:
        """The header that invites the browser to bind the session under this key."""
        challenge = f"{key}.{self._signed(_INVITATION, device, now)}"
        value = f'(ES256);path="{self.endpoint(scope)}";challenge="{challenge}"'
        return b"secure-session-registration", value.encode("ascii")

    def invited(self, challenge: str) -> str | None:
        """The key of the session that an invitation's challenge names; None for what is none."""
        key = challenge.partition(".")[0]
        return key if _is_key(key) else None

    def is_invitation(self, challenge: str, device: Device, now: float) -> bool:
        rest = challenge.partition(".")[2]
        return self._moment(rest, _INVITATION, device, now, INVITATION_SECONDS) is not None

    # -- finding the session ---------------------------------------------------------------------------------

    def finder_cookie(self, scope: Scope, key: str, max_age: int | None) -> list[bytes]:
        """The `Set-Cookie` value by which a renewal finds the session."""
        return self._of(self._finder, scope).write(key, max_age, https=True, max_bytes=MAX_COOKIE)

    def keys_found(self, scope: Scope) -> list[str]:
        """The keys that the request's finder cookies name."""
        found = self._of(self._finder, scope).find(scope["headers"])
        values = () if found is None else ((found.value,) if found.value else found.several)
        return [value for value in values if _is_key(value)]

    # -- what the browser is told ----------------------------------------------------------------------------

    def removals(self, scope: Scope) -> list[bytes]:
        """The `Set-Cookie` values that remove the bound cookie and the finder, if the first one came."""
        device = self._of(self._device, scope)
        if device.find(scope["headers"]) is None:
            return []
        finder = self._of(self._finder, scope)
        return [*device.remove(https=True, stale=()), *finder.remove(https=True, stale=())]

    def instructions(self, scope: Scope, device: Device) -> bytes:
        """What the browser is to do, as JSON ("JSON Session Instruction Format" in the draft)."""
        root, bound = quote(scope.get("root_path", "")), self._of(self._device, scope)
        free = [{"type": "exclude", "domain": "*", "path": root + path} for path in self._free]
        applies: dict[str, Any] = {"include_site": self.options.include_site, "scope_specification": free}
        domain = self._domain(scope) if callable(self._domain) else self._domain
        if self.options.include_site and domain:
            applies["origin"] = f"https://{domain.lstrip('.')}"
        return encode(
            {
                "session_identifier": device.id,
                "refresh_url": self.endpoint(scope),
                "scope": applies,
                "credentials": [
                    {"type": "cookie", "name": bound.name, "attributes": bound.secure_attributes}
                ],
                # Else nobody renews for a link on another site, and the user seems to be logged out.
                "allowed_refresh_initiators": ["*"],
            }
        )

    @staticmethod
    def reason(headers: Headers) -> str:
        """Why a request is refused that comes without proof, with what the browser says of it."""
        said = next((value for name, value in headers if name == b"secure-session-skipped"), b"")
        token = said[:64].partition(b";")[0].partition(b",")[0].strip().decode("latin-1")
        reason = "it came without the proof of its device"
        return f"{reason}, and says {token}" if token in SKIPPED else reason

    # -- MACs ------------------------------------------------------------------------------------------------

    def _signed(self, use: str, device: Device, now: float) -> str:
        moment = str(int(now))
        return f"{moment}.{self._mac(use, device, moment)}"

    def _moment(self, text: str, use: str, device: Device, now: float, life: float) -> float | None:
        """The moment that a signed text names, if it was signed for this use and is not too old."""
        moment, _, mac = text.partition(".")
        if not (_MOMENT.fullmatch(moment) and text.isascii()):
            return None
        if not hmac.compare_digest(mac.encode(), self._mac(use, device, moment).encode()):
            return None
        return float(moment) if -SKEW <= now - float(moment) < life else None

    def _mac(self, use: str, device: Device, moment: str) -> str:
        # What comes before the last line has no line break in it, so that no two messages are the same.
        message = f"{device.id}\n{moment}\n{self._purposes[use]}"
        return encoded(hmac.digest(device.secret.encode(), message.encode(), sha256))

    @staticmethod
    def _of(cookie: Cookie, scope: Scope) -> Cookie:
        return cookie if cookie.of_request is None else cookie.of_request(scope)
