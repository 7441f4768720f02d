"""Reading the request's cookie: one value as a rule, at times several, in pieces or not.

A client chooses what is here: how many lines, cookies, pieces and values there are. So each has a bound, and
the work is linear in the size of the header.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import islice, product, zip_longest
from typing import Final

import msgspec

from sessions._hidden import Hidden

MAX_COOKIE: Final = 4096
"""Bytes of name and value together that browsers keep (RFC 6265bis, section 5.6, step 5)."""

MAX_HEADER: Final = 65_536
"""Bytes of all Cookie lines of a request. With more it is anonymous. Most servers have a lower bound of their
own; uvicorn with httptools has none."""

MAX_PIECES: Final = 16
"""Cookies that one session can take: more would not fit into `MAX_HEADER`."""

MAX_VALUES: Final = 4
"""Values of one cookie name that are looked at: each costs an opened seal or a question to the store."""

REMEMBERED: Final = 500
"""Cookies of which a process remembers what they say, if they fit into `MAX_COOKIE` bytes: a browser asks for
a page and its parts in one go, and sends the same ones with each of these requests."""


NO_FIRST: Final = "its first piece is missing"
NO_OTHER: Final = "a piece of it is missing"


_PLAIN: Final = bytes(byte for byte in range(0x21, 0x7E) if byte != ord(";"))
"""Visible ASCII but for the semicolon, and the tilde, which tells how many pieces there are."""


class Found(Hidden, msgspec.Struct, frozen=True, gc=False):
    """What a request's cookies of one name say."""

    value: str = ""
    """The value, if there is exactly one."""
    fault: str | None = None
    """Why there is none."""
    several: tuple[str, ...] = ()
    """The values, if there are more: different ones, at most `MAX_VALUES`."""
    numbers: tuple[int, ...] = ()
    """Of the pieces that the browser has beside the first."""
    doubled: tuple[int, ...] = ()
    """Of the pieces that came more than once. 0 is the first, under the plain name."""
    useless: tuple[int, ...] = ()
    """Of the pieces that the browser has or may have, if one is missing: then the others say nothing. A
    client may keep more than it sends (curl: 8,190 bytes), so those that did not come are among them."""


class CookieHeader:
    """Reads the cookies of one name."""

    def __init__(self, name: str) -> None:
        self._name_start = name.encode()
        self._alone = self._name_start + b"="
        self._pieces = re.compile(re.escape(self._name_start) + rb"(?:\.([1-9][0-9]{0,2}))?").fullmatch
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._read)

    def find(self, headers: Iterable[tuple[bytes, bytes]]) -> Found | None:
        """The request's cookie of this name with its numbered pieces; None when there is none."""
        header = b""
        for name, value in headers:
            if name == b"cookie":
                if header:
                    header = _joined_lines(headers)
                    break
                header = value
        if not header:
            return None
        if len(header) > MAX_HEADER:
            return Found(fault="the request's cookies are too large")
        # The usual cases without the machinery: our cookie alone in one piece, or none of ours.
        if header.startswith(self._alone):
            value = header[len(self._alone) :]
            if value and not value.translate(None, _PLAIN):  # half the time of a regular expression
                return Found(value.decode())
        if self._name_start not in header:
            return None
        return self._remembered(header) if len(header) <= MAX_COOKIE else self._read(header)

    def _read(self, header: bytes) -> Found | None:
        pieces: dict[int, list[bytes]] = {}
        doubled: set[int] = set()
        for pair in header.split(b";"):
            name, equals, value = pair.strip().partition(b"=")
            if equals and (match := self._pieces(name)):
                number = int(match[1] or 0)
                values = pieces.setdefault(number, [])
                if values:
                    doubled.add(number)
                if len(values) < MAX_VALUES and value not in values:
                    values.append(value)
        return _found(pieces, doubled) if pieces else None


def values_of(name: str, headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The values of a cookie that is none of ours, at most `MAX_VALUES` different ones, each in ASCII.

    None of a request with more than `MAX_HEADER` bytes of cookies.
    """
    header = _joined_lines(headers)
    start = name.encode()
    if start not in header or len(header) > MAX_HEADER:
        return []
    values: list[str] = []
    for pair in header.split(b";"):
        found, equals, value = pair.strip().partition(b"=")
        if equals and found == start and value.isascii():
            text = value.decode().strip().removeprefix('"').removesuffix('"')
            if text and text not in values:
                values.append(text)
    return values[:MAX_VALUES]


def _joined_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """HTTP/2 may send several lines (RFC 9113, section 8.2.3)."""
    return b"; ".join([value for name, value in headers if name == b"cookie"])


def _found(pieces: dict[int, list[bytes]], doubled: set[int]) -> Found:
    numbers = tuple(sorted(number for number in pieces if number))
    fault: str | None = NO_FIRST
    by_first: list[list[str]] = []
    for turn, first in enumerate(pieces.get(0, ())):
        values, fault = _values(turn, first, pieces)
        by_first.append(values)
    # The likeliest one of each first piece, then the next ones.
    in_order = (value for column in zip_longest(*by_first) for value in column if value is not None)
    several = tuple(islice(dict.fromkeys(in_order), MAX_VALUES))
    if len(several) == 1:
        return Found(several[0], None, (), numbers, tuple(sorted(doubled)))
    useless = _useless(pieces) if fault in (NO_FIRST, NO_OTHER) and not several else ()
    return Found("", None if several else fault, several, numbers, tuple(sorted(doubled)), useless)


def _useless(pieces: Collection[int]) -> tuple[int, ...]:
    # A first piece that did not come may be a whole session, which returns once the others are gone.
    every = {*range(1, MAX_PIECES), *pieces}
    return tuple(sorted(every, key=lambda number: (number not in pieces, number)))


def _values(turn: int, first: bytes, pieces: dict[int, list[bytes]]) -> tuple[list[str], str | None]:
    """The values that this first piece can begin, or what is wrong with it."""
    count, tilde, start = first.partition(b"~")
    if not first.isascii() or not first or (tilde and not (count.isdigit() and len(count) <= 3)):
        return [], "it has the wrong form"
    if not tilde:
        return [first.decode()], None
    numbers = range(1, int(count))
    if any(number not in pieces for number in numbers):
        return [], NO_OTHER
    following = [pieces[number] for number in numbers]
    # A browser sends the cookies of one place in the same order as those of another, so the pieces that stand
    # at the same turn belong together as a rule.
    together = [values[min(turn, len(values) - 1)] for values in following]
    made = (start + b"".join(rest) for rest in (together, *islice(product(*following), MAX_VALUES)))
    return [value.decode() for value in made if value.isascii()], "it has the wrong form"
