"""Starlette's `SessionMiddleware`: JSON in base64, signed by itsdangerous."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from sessions._lifetime import Duration
from sessions.moving._content import json_in
from sessions.moving._old_cookie import TWO_WEEKS, Convert, Owner, Refused
from sessions.moving._signatures import SecretKey, SignedCookie, signer


class StarletteCookie(SignedCookie):
    """The cookie of Starlette's `SessionMiddleware`, also as FastAPI has it. Needs `sessions[moving]`.

    Args:
        secret_key: as it was there, or a list.
        session_cookie: as it was there: the cookie's name.
        max_age: as it was there, in seconds; None for cookies without an end.
        path: as it was there.
        domain: as it was there.
        partitioned: as it was there.
        owner: see `OldCookie`.
        convert: see `OldCookie`.
    """

    def __init__(
        self,
        secret_key: SecretKey,
        session_cookie: str = "session",
        max_age: Duration | None = TWO_WEEKS,
        *,
        path: str = "/",
        domain: str | None = None,
        partitioned: bool = False,
        owner: Owner | None = None,
        convert: Convert | None = None,
    ) -> None:
        super().__init__(
            signer(secret_key),
            session_cookie,
            max_age,
            owner,
            path=path,
            domain=domain,
            partitioned=partitioned,
            convert=convert,
        )

    def content(self, text: str) -> Any:
        try:
            return json_in(b64decode(text))
        except ValueError as fault:
            raise fault if isinstance(fault, Refused) else Refused("it holds no base64") from None
