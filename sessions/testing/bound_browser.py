"""Plays a browser that binds sessions to its device (Device Bound Session Credentials), for tests of an app.

    with TestClient(app, base_url="https://testserver") as client:
        browser = BoundBrowser(client)
        browser.post("/login", data=…)  # the session is bound from now on
        browser.get("/account")         # renews the proof first if that is over
        stolen = dict(client.cookies)   # opens the session until the proof is over, and never after

It keeps its cookies in the client's jar and its keys to itself. As Chrome does, it registers a key when a
response invites to it, and sends no request for which the bound cookie is missing before it has renewed it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from sessions._json import decode, encode
from sessions._proof import ALGORITHM, TYPE, encoded
from sessions.testing.clients import HasCookies, jar_of

AHEAD: Final = 120.0
"""Seconds before its end from which on Chrome renews a bound cookie."""

MAX_CHALLENGES: Final = 3
"""Answers of 403 after which a renewal is given up."""

_INVITATION: Final = re.compile(r'\(.*\bES256\b.*\);path="([^"]*)";challenge="([^"]*)"')
_CHALLENGE: Final = re.compile(r'"([^"]*)";id="([^"]*)"')


class DeviceKey:
    """A key pair of P-256, and the proofs that are made with it."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key (RFC 7517)."""
        numbers = self._private.public_key().public_numbers()
        x, y = (encoded(number.to_bytes(32)) for number in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    def proof(self, challenge: str, *, registers: bool = False, **header: Any) -> str:
        """The JWT that a browser makes; `registers` puts the public key in it, `header` other fields."""
        fields = {"alg": ALGORITHM, "typ": TYPE, **({"jwk": self.jwk} if registers else {}), **header}
        return self.signed(encode(fields), encode({"jti": challenge}))

    def signed(self, header: bytes, claims: bytes) -> str:
        """A JWT with this header and these claims, as JSON text."""
        text = f"{encoded(header)}.{encoded(claims)}"
        r, s = decode_dss_signature(self._private.sign(text.encode(), ec.ECDSA(SHA256())))
        return f"{text}.{encoded(r.to_bytes(32) + s.to_bytes(32))}"


class DeviceBond:
    """What the browser knows of one binding."""

    def __init__(self, url: str, key: DeviceKey, said: dict[str, Any]) -> None:
        self.key = key
        self.id: str = said["session_identifier"]
        self.refresh_url = urljoin(url, said["refresh_url"])
        self.cookie_name: str = said["credentials"][0]["name"]
        self._origin = urlsplit(url)[:2]
        self._excluded: list[str] = [
            rule["path"] for rule in said["scope"].get("scope_specification", ()) if rule["type"] == "exclude"
        ]

    def covers(self, url: str) -> bool:
        """Whether a request to this address needs a proof ("Identify if a URL is in scope of a session")."""
        path = urlsplit(url).path or "/"
        if urlsplit(url)[:2] != self._origin or url == self.refresh_url:
            return False
        return not any(path == rule or path.startswith(rule.rstrip("/") + "/") for rule in self._excluded)


Step = tuple[str, str, dict[str, Any]]
"""A request: method, address, options of the client."""


class _Base:
    def __init__(self, client: HasCookies, *, ahead: float = AHEAD) -> None:
        """
        Args:
            client: a client of httpx or requests, Starlette's `TestClient`, with an address that begins with
                https.
            ahead: seconds before the end of a proof from which on it is renewed; Chrome's 120 by default.
        """
        self.client = client
        self.bonds: list[DeviceBond] = []
        """The bindings that the browser has now."""
        self.ahead = ahead
        self.key_of_next: DeviceKey | None = None
        """The key that the next registration takes; a new one by default."""

    def _exchange(self, method: str, url: str, options: dict[str, Any]) -> Generator[Step, Any, Any]:
        """The requests that one request needs; the result is the response to that one itself."""
        address = urljoin(str(getattr(self.client, "base_url", "")), url)
        skipped = None
        for bond in [each for each in self.bonds if each.covers(address)]:
            if self._seconds_left(bond, address) <= self.ahead:
                skipped = (yield from self._renewal(bond)) or skipped
        if skipped is not None:
            options = {**options, "headers": {**(options.get("headers") or {}), **skipped}}
        response = yield method, url, options
        for each in [*response.history, response]:
            yield from self._registration(each, str(each.url))
        return response

    def _seconds_left(self, bond: DeviceBond, address: str) -> float:
        """Of the bound cookie that would be sent to this address."""
        path = urlsplit(address).path or "/"
        found = [
            cookie.expires - time.time()
            for cookie in jar_of(self.client)
            if cookie.name == bond.cookie_name and cookie.expires is not None and path.startswith(cookie.path)
        ]
        return max(found, default=0.0)

    def _registration(self, response: Any, url: str) -> Generator[Step, Any, None]:
        invitation = _INVITATION.search(response.headers.get("secure-session-registration", ""))
        if invitation is None or urlsplit(url).scheme != "https":
            return
        path, challenge = invitation.groups()
        address, key = urljoin(url, path), self.key_of_next or DeviceKey()
        headers = {"Secure-Session-Response": key.proof(challenge, registers=True)}
        answer = yield "POST", address, {"headers": headers}
        if answer.status_code == 200:
            bond = DeviceBond(address, key, decode(answer.content))
            self.bonds = [*[each for each in self.bonds if each.id != bond.id], bond]

    def _renewal(self, bond: DeviceBond) -> Generator[Step, Any, dict[str, str] | None]:
        """What the held request says if the proof could not be renewed for now."""
        headers, status = {"Sec-Secure-Session-Id": bond.id}, 403
        for _ in range(MAX_CHALLENGES):
            answer = yield "POST", bond.refresh_url, {"headers": headers}
            status = answer.status_code
            challenge = _CHALLENGE.search(answer.headers.get("secure-session-challenge", ""))
            if status != 403 or challenge is None:
                break
            headers = {**headers, "Secure-Session-Response": bond.key.proof(challenge[1])}
        if 300 <= status < 500:
            self.bonds = [each for each in self.bonds if each is not bond]
        if status < 500:
            return None
        return {"Secure-Session-Skipped": f'server_error;session_identifier="{bond.id}"'}


class BoundBrowser(_Base):
    """Over a client that is not asynchronous."""

    def request(self, method: str, url: str, **options: Any) -> Any:
        """As the client's own, with the registrations and renewals that go with it."""
        return self._driven(self._exchange(method, url, options))

    def get(self, url: str, **options: Any) -> Any:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Any:
        return self.request("POST", url, **options)

    def renew(self) -> None:
        """Renew each proof now."""
        for bond in self.bonds:
            self._driven(self._renewal(bond))

    def _driven(self, steps: Generator[Step, Any, Any]) -> Any:
        client: Any = self.client
        try:
            method, url, options = next(steps)
            while True:
                method, url, options = steps.send(client.request(method, url, **options))
        except StopIteration as end:
            return end.value


class AsyncBoundBrowser(_Base):
    """Over an asynchronous client, such as httpx's `AsyncClient`."""

    async def request(self, method: str, url: str, **options: Any) -> Any:
        """As the client's own, with the registrations and renewals that go with it."""
        return await self._driven(self._exchange(method, url, options))

    async def get(self, url: str, **options: Any) -> Any:
        return await self.request("GET", url, **options)

    async def post(self, url: str, **options: Any) -> Any:
        return await self.request("POST", url, **options)

    async def renew(self) -> None:
        """Renew each proof now."""
        for bond in self.bonds:
            await self._driven(self._renewal(bond))

    async def _driven(self, steps: Generator[Step, Any, Any]) -> Any:
        client: Any = self.client
        try:
            method, url, options = next(steps)
            while True:
                method, url, options = steps.send(await client.request(method, url, **options))
        except StopIteration as end:
            return end.value
