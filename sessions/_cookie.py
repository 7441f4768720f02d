"""The cookie as such: reading it from a request, writing it to a response. It knows nothing of stores.

A value that is too large for one cookie is split over several. The first keeps the plain name and says
how many there are (`session=3~…`), the others are numbered (`session.1`, `session.2`): a piece that is
missing is noticed, and one that was left over from a larger session is ignored.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from sessions._hidden import Hidden
from sessions.errors import CookieTooLarge

logger = logging.getLogger("sessions")

MAX_COOKIE: Final = 4096
"""Bytes of name and value together that browsers keep (RFC 6265bis, section 5.6, step 5)."""

REMEMBERED: Final = 500
"""Cookies of which a process remembers what they say, if they fit into `MAX_COOKIE` bytes: a browser asks for
a page and its parts in one go, and sends the same ones with each of these requests."""

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token, RFC 9110 section 5.6.2
_DOMAIN: Final = re.compile(r"\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_PATH: Final = re.compile(r"/[\x20-\x3a\x3c-\x7e]*")  # any visible ASCII but the semicolon


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOptions:
    """The cookie's attributes.

    Raises `ValueError` at construction for what browsers would reject.
    """

    path: str = "/"
    """Only requests below this path carry the cookie. It is no security boundary between apps of one host."""
    domain: str | None = None
    """None: only the host that set it. A domain: its subdomains too; each of them can replace the cookie."""
    same_site: Literal["lax", "strict", "none"] = "lax"
    """`lax` is sent when a person follows a link from another site, and not with that site's forms and
    frames; `strict` not even then; `none` always, and browsers demand `secure=True` with it."""
    secure: bool | None = None
    """Only over https. None: on whenever the request came over https, so that development needs no option."""
    http_only: bool = True
    """Out of reach for the page's scripts."""
    partitioned: bool = False
    """In a frame on another site, a jar of its own for each such site (CHIPS); needs `secure=True`."""

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise ValueError("cookie path must start with / and hold neither ; nor control characters")
        if self.domain is not None and not _DOMAIN.fullmatch(self.domain):
            raise ValueError("cookie domain is not a host name")
        if self.same_site not in ("lax", "strict", "none"):
            raise ValueError("same_site is 'lax', 'strict' or 'none'")
        if self.same_site == "none" and self.secure is not True:
            raise ValueError("browsers reject SameSite=None without Secure: set secure=True")
        if self.partitioned and self.secure is not True:
            raise ValueError("browsers reject Partitioned without Secure: set secure=True")

    @classmethod
    def of(cls, options: CookieOptions | Mapping[str, Any] | None) -> CookieOptions:
        if isinstance(options, CookieOptions):
            return options
        try:
            return cls(**(options or {}))
        except TypeError:
            known = ", ".join(cls.__slots__)
            raise ValueError(f"cookie_options has an unknown name in it; known are {known}") from None


class Cookie:
    """One cookie name with its attributes: reads its value, writes the `Set-Cookie` lines."""

    def __init__(self, name: str, options: CookieOptions) -> None:
        """Raises `ValueError` for a name that is not a token or whose prefix the options do not keep."""
        if not _NAME.fullmatch(name):
            raise ValueError("a cookie name is one or more of letters, digits and !#$%&'*+-.^_`|~")
        if len(name) > 256:
            raise ValueError("a cookie name of more than 256 characters leaves no room for the value")
        lowered = name.lower()  # RFC 6265bis, section 5.7: prefixes are matched without regard to case
        prefixed = lowered.startswith(("__host-", "__secure-"))
        if prefixed and options.secure is False:
            raise ValueError("browsers reject a cookie named __Host- or __Secure- without Secure")
        if lowered.startswith("__host-") and options.domain is not None:
            raise ValueError("browsers reject a cookie named __Host- with a Domain")
        if lowered.startswith("__host-") and options.path != "/":
            raise ValueError("browsers reject a cookie named __Host- with a Path other than /")
        self.name = name
        self._name_start = name.encode()
        self._alone = re.compile(re.escape(self._name_start) + rb"=([!-:<-}]*)").fullmatch
        self._pieces = re.compile(re.escape(self._name_start) + rb"(?:\.([1-9][0-9]{0,2}))?").fullmatch
        self._secure = True if prefixed else options.secure
        self._warned = False
        self._tail = f"; Path={options.path}"
        if options.domain is not None:
            self._tail += f"; Domain={options.domain}"
        if options.http_only:
            self._tail += "; HttpOnly"
        self._tail += f"; SameSite={options.same_site.capitalize()}"
        if options.partitioned:
            self._tail += "; Partitioned"
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._read)
        self.forget = self._remembered.cache_clear

    def find(self, headers: Iterable[tuple[bytes, bytes]]) -> Found | None:
        """The request's cookie of this name with its numbered pieces; None when there is none."""
        header = b""
        for name, value in headers:
            if name == b"cookie":
                header = header + b"; " + value if header else value  # HTTP/2 may send several lines
        if not header:
            return None
        return self._remembered(header) if len(header) <= MAX_COOKIE else self._read(header)

    def _read(self, header: bytes) -> Found | None:
        # The usual cases without the machinery: our cookie alone in one piece, or none of ours.
        if alone := self._alone(header):
            return Found(alone[1].decode())
        if self._name_start not in header:
            return None
        pieces: list[tuple[int, bytes]] = []
        for pair in header.split(b";"):
            name, equals, value = pair.strip().partition(b"=")
            if equals and (match := self._pieces(name)):
                pieces.append((int(match[1] or 0), value))
        return _joined(pieces) if pieces else None

    def warn_if_set_inside(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Log one error if the app sets this cookie too: then each of the two removes the other's session."""
        for name, value in headers:
            if name == b"set-cookie" and not self._warned and self._sets_this(value):
                self._warned = True
                logger.error(
                    "the app sets a cookie %r itself, which is this SessionMiddleware's: another session"
                    " middleware inside? Give one of the two another name, session_cookie_name=…",
                    self.name,
                )

    def _sets_this(self, line: bytes) -> bool:
        return line.partition(b"=")[0].strip() == self._name_start

    def write(
        self, value: str, max_age: int | None, *, https: bool, max_bytes: int, stale: Iterable[int] = ()
    ) -> list[bytes]:
        """The `Set-Cookie` values; `stale` are the numbers of the pieces that the browser has now.

        Raises `CookieTooLarge` when names and values together are more than `max_bytes`.
        """
        pieces = self._split(value)
        size = sum(len(self._piece_name(number)) + len(piece) for number, piece in enumerate(pieces))
        if size > max_bytes:
            raise CookieTooLarge(
                f"the sealed session takes {size} bytes of cookies, and {max_bytes} are allowed: "
                "keep less in it, raise CookieStore(max_bytes=…), or use a server-side store"
            )
        lines = [self._line(number, piece, max_age, https) for number, piece in enumerate(pieces)]
        lines += [self._line(number, "", 0, https) for number in stale if number >= len(pieces)]
        return lines

    def remove(self, *, https: bool, stale: Iterable[int]) -> list[bytes]:
        return [self._line(number, "", 0, https) for number in sorted({0, *stale})]

    def _split(self, value: str) -> list[str]:
        if len(self.name) + len(value) <= MAX_COOKIE:
            return [value]
        room = MAX_COOKIE - len(self.name) - len(".999")
        count = 2
        while len(f"{count}~") + len(value) > count * room:
            count += 1
        value = f"{count}~{value}"
        return [value[start : start + room] for start in range(0, len(value), room)]

    def _piece_name(self, number: int) -> str:
        return f"{self.name}.{number}" if number else self.name

    def _line(self, number: int, value: str, max_age: int | None, https: bool) -> bytes:
        line = f"{self._piece_name(number)}={value}"
        if max_age is not None:
            line += f"; Max-Age={max_age}"
        line += self._tail
        if https if self._secure is None else self._secure:
            line += "; Secure"
        return line.encode("ascii")


class Found(Hidden, msgspec.Struct, frozen=True, gc=False):
    """A request's cookie: its value, or what is wrong with it; and which pieces the browser has."""

    value: str = ""
    fault: str | None = None
    numbers: tuple[int, ...] = ()
    """Of the pieces beside the first."""


def _joined(found: list[tuple[int, bytes]]) -> Found:
    pieces = dict(found)
    numbers = tuple(sorted(number for number in pieces if number))

    def bad(fault: str) -> Found:
        return Found(fault=fault, numbers=numbers)

    if len([number for number, _ in found if number == 0]) > 1:
        return bad("it was sent twice")
    if 0 not in pieces:
        return bad("its first piece is missing")
    value = pieces[0]
    count, tilde, first = value.partition(b"~")
    if tilde:
        if not count.isdigit() or len(count) > 3:
            return bad("it has the wrong form")
        if any(number not in pieces for number in range(1, int(count))):
            return bad("a piece of it is missing")
        value = first + b"".join(pieces[number] for number in range(1, int(count)))
    if not value.isascii():
        return bad("it has the wrong form")
    return Found(value.decode(), None, numbers)
