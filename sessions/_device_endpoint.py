"""Where browsers register the key of their device and prove that they still have it.

    POST, no Sec-Secure-Session-Id   registration: the proof brings the public key along
    POST, Sec-Secure-Session-Id      renewal: 403 with a challenge, and then 200 for the proof

What a browser makes of an answer was tried with Chromium. To a renewal, 403 with a challenge makes it try
again, 500 and 503 let it wait, any other error ends the binding in the browser. So only a session that is
over gets such a one. A browser gives up by itself after some answers of 403.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import msgspec

from sessions._asgi import Receive, Scope, Send
from sessions._binding import Binding
from sessions._carriers import Carrier, Loaded, opened_by
from sessions._cookie import Cookie
from sessions._hidden import Hidden
from sessions._json import encode
from sessions._proof import InvalidProof, Proof, read_proof
from sessions._record import new_commit_id
from sessions._response import unavailable
from sessions._turns import Retry
from sessions.errors import StoreUnavailable

logger = logging.getLogger("sessions")

MAX_TRIES: Final = 64
"""How often a registration is tried on top of what other requests save in between."""

MAX_ID: Final = 64
"""Bytes of an identifier that are looked at. Ours have 22."""


class _Answer(Hidden, msgspec.Struct):
    status: int
    body: bytes = b""
    headers: list[tuple[bytes, bytes]] = []


class _NewKey(Hidden, msgspec.Struct):
    """What one registration is to write."""

    key: str
    now: float
    unsure: bool = False
    """Whether it was tried, and the store has not answered."""


class Endpoint:
    """Answers registrations and renewals of one middleware."""

    def __init__(
        self, binding: Binding, carrier: Carrier, cookie: Cookie, report: Callable[..., None]
    ) -> None:
        self._binding = binding
        self._carrier = carrier
        self._cookie = cookie
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope)
        except StoreUnavailable as fault:
            await unavailable(fault, scope["type"], send)
            return
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer.body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-frame-options", b"DENY"),
            *answer.headers,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope) -> _Answer:
        if scope["method"] != "POST":
            return _Answer(405, headers=[(b"allow", b"POST")])
        try:
            identifier = _header(scope, b"sec-secure-session-id")
            if identifier is None:
                return await self._register(scope)
            return await self._renew(scope, identifier.decode("latin-1")[: MAX_ID + 1])
        except InvalidProof as fault:
            return self._refused(400, f"a registration: {fault}")

    # -- registration ----------------------------------------------------------------------------------------

    async def _register(self, scope: Scope) -> _Answer:
        """Raises `InvalidProof` and `StoreUnavailable`."""
        text = _header(scope, b"secure-session-response")
        if text is None:
            raise InvalidProof("there is no proof")
        proof = read_proof(text)
        key, now = proof.key(), time.time()
        proof.check(key)
        session_key = self._binding.invited(proof.challenge)
        if session_key is None:
            raise InvalidProof("the challenge is none of ours")
        device_key, retry = _NewKey(key, now), Retry()
        try:
            for _ in range(MAX_TRIES):
                loaded = await self._living(session_key)
                if loaded is None or not self._is_invited(loaded, proof, now):
                    return self._refused(401, "a registration: its session is over, or the challenge is")
                answer = await self._bind(scope, loaded, device_key)
                if answer is not None:
                    return answer
                await retry.wait(session_key)
        finally:
            retry.end()
        raise StoreUnavailable("too many requests write to one session at the same time")

    def _is_invited(self, loaded: Loaded, proof: Proof, now: float) -> bool:
        device = loaded[1].device
        return device is not None and self._binding.is_invitation(proof.challenge, device, now)

    async def _bind(self, scope: Scope, loaded: Loaded, new: _NewKey) -> _Answer | None:
        """Write the key to the record, if there is none yet. None if another request was faster.

        Raises `StoreUnavailable`.
        """
        carried, content = loaded
        record, device = carried.record, content.device
        if device is None or device.key not in (None, new.key):
            return self._refused(409, "a registration: the session is bound already", loaded)
        if device.key == new.key:
            if new.unsure:  # it was written, and the store's answer was lost
                self._report("bound", key=carried.key, owner=content.owner)
            return self._told(scope, loaded, new.now)  # or the browser has not heard the first answer
        content.device = device.bound(new.key, new.now)
        line, commit_id = encode(content), new_commit_id()
        if len(line) > self._carrier.max_content:
            return self._refused(403, "a registration: the session has no room for a key", loaded)
        changed = carried.rewritten(line, commit_id, record.owner)
        try:
            if not await self._carrier.replace(carried.key, changed.record, expected=record.version):
                return None
        except StoreUnavailable:
            # It may be written. A browser that is told of a failure would have no way back to its session.
            if new.unsure:
                raise
            new.unsure = True
            return None
        self._report("bound", key=carried.key, owner=content.owner)
        return self._told(scope, (changed, content), new.now)

    # -- renewal ---------------------------------------------------------------------------------------------

    async def _renew(self, scope: Scope, identifier: str) -> _Answer:
        """Raises `StoreUnavailable`."""
        loaded = await self._found(scope, identifier)
        device = loaded and loaded[1].device
        if loaded is None or device is None or device.key is None:
            # So the browser forgets the binding: its session is over, or another one by now.
            return self._refused(401, "a renewal: its session is over or unknown")
        now = time.time()
        try:
            text = _header(scope, b"secure-session-response")
            if text is not None:
                proof = read_proof(text)
                if not self._binding.is_challenge(proof.challenge, device, now):
                    raise InvalidProof("the challenge is none of ours, or too old")
                proof.check(device.key)
                self._report("proved", key=loaded[0].key, owner=loaded[1].owner)
                return self._told(scope, loaded, now)
        except InvalidProof as fault:
            self._refused(403, f"a renewal: {fault}", loaded)
        challenge = f'"{self._binding.challenge(device, now)}";id="{device.id}"'
        return _Answer(403, headers=[(b"secure-session-challenge", challenge.encode("ascii"))])

    async def _found(self, scope: Scope, identifier: str) -> Loaded | None:
        """The session with this identifier, by the cookies that came along. Raises `StoreUnavailable`."""
        current = await self._current(scope)
        if current is not None:
            # If the browser has another session by now, the older binding is to end: both have one cookie.
            return current if _is_of(current, identifier) else None
        for key in self._binding.keys_found(scope):
            loaded = await self._living(key)
            if _is_of(loaded, identifier):
                return loaded
        return None

    async def _current(self, scope: Scope) -> Loaded | None:
        """The session of the session cookie, which is not always sent. Raises `StoreUnavailable`."""
        found = self._cookie.find(scope["headers"])
        if found is None or not found.value:
            return None
        carried = await opened_by(self._carrier, found.value)
        return None if carried is None else await self._living(carried.key)

    # -- both ------------------------------------------------------------------------------------------------

    async def _living(self, key: str) -> Loaded | None:
        """The session that had this key, under whatever key it lives by now. Raises `StoreUnavailable`."""
        loaded = await self._carrier.under(key)
        if loaded is None:
            return None
        followed = await self._carrier.follow(loaded)
        return None if followed is None else followed[0]

    def _told(self, scope: Scope, loaded: Loaded, now: float) -> _Answer:
        """That the device has proved to have its key."""
        carried, content = loaded
        if content.device is None:
            raise RuntimeError("only a bound session is told so")
        lifetime = self._carrier.lifetime.of_session(content.owner, content.timeouts)
        max_age = lifetime.max_age(carried.record.expires_at, now)
        cookies = [
            *self._binding.bound_cookie(scope, content.device, now),
            *self._binding.finder_cookie(scope, carried.key, max_age),
        ]
        body = self._binding.instructions(scope, content.device)
        return _Answer(200, body, [(b"set-cookie", cookie) for cookie in cookies])

    def _refused(self, status: int, reason: str, loaded: Loaded | None = None) -> _Answer:
        logger.info("refused %s", reason)
        self._report("refused", reason=reason, key=loaded[0].key if loaded else "")
        return _Answer(status)


def _is_of(loaded: Loaded | None, identifier: str) -> bool:
    return loaded is not None and loaded[1].device is not None and loaded[1].device.id == identifier


def _header(scope: Scope, name: bytes) -> bytes | None:
    """The header's value, bare as Chromium sends it or quoted as the draft has it.

    Raises `InvalidProof` if there is more than one.
    """
    values: list[bytes] = [value for known, value in scope["headers"] if known == name]
    if len(values) > 1:
        raise InvalidProof("a header came more than once")
    if not values:
        return None
    return values[0].strip().removeprefix(b'"').removesuffix(b'"')
