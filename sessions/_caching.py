"""What caches are told: which responses depend on the cookie, and which are for one person alone.

RFC 9110, section 12.5.5 (`Vary`); RFC 9111, section 5.2.2 (`Cache-Control`); RFC 9213 (targeted fields, such
as `CDN-Cache-Control`, which a cache obeys in place of `Cache-Control`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

Header = tuple[bytes, bytes]

VARY_COOKIE: Final = (b"vary", b"Cookie")
_PRIVATE: Final = (b"cache-control", b"private")
_OLDER_FIELDS: Final = {
    b"surrogate-control": b"no-store",  # Fastly and others
    b"edge-control": b"no-store",  # Akamai
    b"x-accel-expires": b"0",  # nginx, for which it counts more than `Cache-Control`
}
"""Fields for some caches alone that have no `private`, and what forbids such a cache to keep the response."""
_SPEAKS_TO_CACHES: Final = {b"vary", *_OLDER_FIELDS}
"""Beside all whose name ends with `cache-control`."""
_DIRECTIVE: Final = re.compile(rb'\s*([^=,\s]+)\s*(=\s*("(?:[^"\\]|\\.)*"|[^,"]*))?')


def varying(headers: Iterable[Header]) -> list[Header]:
    """The headers with `Vary: Cookie` among them."""
    headers = list(headers)
    said = b", ".join(value for name, value in headers if name.lower() == b"vary")
    if not said:
        return [*headers, VARY_COOKIE]
    if {b"*", b"cookie"} & {field.strip().lower() for field in said.split(b",")}:
        return headers
    return [*[header for header in headers if header[0].lower() != b"vary"], (b"vary", said + b", Cookie")]


def private(headers: Iterable[Header]) -> list[Header]:
    """The headers with all that speaks to caches made private. Other directives stay.

    A response that sets a session's cookie is for one person, whatever the app said: a cache that keeps it
    hands the session to the next one who asks.
    """
    made: list[Header] = []
    told = False
    for name, value in headers:
        lowered = name.lower()
        if lowered in _OLDER_FIELDS:
            made.append((name, _OLDER_FIELDS[lowered]))
        elif lowered.endswith(b"cache-control"):
            made.append((name, _made_private(value)))
            told = told or lowered == b"cache-control"
        else:
            made.append((name, value))
    return made if told else [*made, _PRIVATE]


def setting_cookies(headers: Iterable[Header], cookies: Iterable[bytes]) -> list[Header]:
    """The headers with these `Set-Cookie` values, made private and varying."""
    headers = [*headers, *[(b"set-cookie", cookie) for cookie in cookies]]
    for name, _ in headers:
        lowered = name.lower()
        if lowered in _SPEAKS_TO_CACHES or lowered.endswith(b"cache-control"):
            return varying(private(headers))
    return [*headers, _PRIVATE, VARY_COOKIE]  # as a rule


def for_shared_caches(headers: Iterable[Header]) -> bool:
    """Whether the app wants shared caches to answer others with this response, without asking it again."""
    said = b", ".join(value.lower() for name, value in headers if name.lower() == b"cache-control")
    directives = {match[1]: (match[3] or b"").strip(b'" ') for match in _DIRECTIVE.finditer(said)}
    if directives.keys() & {b"private", b"no-store", b"no-cache"}:
        return False
    ages = (directives.get(b"s-maxage", b""), directives.get(b"max-age", b""))
    return b"public" in directives or any(age.lstrip(b"0") for age in ages)


def _made_private(value: bytes) -> bytes:
    directives = [match for match in _DIRECTIVE.finditer(value) if match[1]]
    names = {match[1].lower() for match in directives}
    if b"no-store" in names:
        return value
    # `private="field"` speaks of that field alone, and of the rest says nothing.
    kept = [
        match[0].strip()
        for match in directives
        if match[1].lower() not in (b"public", b"private", b"s-maxage")
    ]
    return b", ".join([b"private", *kept])
