"""The cookie as such: its attributes, and writing it to a response. It knows nothing of stores.

A value that is too large for one cookie is split over several. The first keeps the plain name and says
how many there are (`session=3~…`), the others are numbered (`session.1`, `session.2`): a piece that is
missing is noticed, and one that was left over from a larger session is ignored.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

from sessions._asgi import Headers, Scope
from sessions._cookie_header import MAX_COOKIE, MAX_PIECES, CookieHeader
from sessions.errors import CookieTooLarge

logger = logging.getLogger("sessions")

MAX_REMOVED: Final = 20
"""Left-over pieces that one response removes. The browser's next ones remove the rest."""

MAX_PLACES: Final = 32
"""Places from which one response removes second cookies. The browser's next ones remove the rest."""

MAX_HEADERS: Final = 3_300
"""Bytes of header lines up to which a response removes cookies. nginx takes 4,096 by default
(`proxy_buffer_size`), with the status line and what the server and other middlewares add."""

SOME: Final = 250
"""Bytes of removed pieces that go with a new value in any case, about three of them: else an app that sets
the cookie with each response would never go on."""

MAX_PATH: Final = 1_024
"""Bytes of a `Path` that browsers heed (RFC 6265bis, section 5.6, step 6)."""

_AROUND: Final = len(": \r\n")
_SET_COOKIE: Final = len("set-cookie: \r\n")
_PIECE: Final = re.compile(r".*\.[1-9][0-9]{0,2}")
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token, RFC 9110 section 5.6.2
_DOMAIN: Final = re.compile(r"\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_PATH: Final = re.compile(r"/[\x20-\x3a\x3c-\x7e]*")  # any visible ASCII but the semicolon


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOptions:
    """The cookie's attributes.

    `path` and `domain` may each be a function of the scope. It is called once for each request, before the
    app. What it returns is checked as a plain text is: a request for which it is no path or no host name
    fails with `ValueError`, or with `TypeError` if it is no text, before anything is read or saved.

    Raises `ValueError` at construction for what browsers would reject, and `TypeError` for a path or a
    domain that is no text.
    """

    path: str | Callable[[Scope], str] = "/"
    """Only requests below this path carry the cookie. It is no security boundary between apps of one host."""
    domain: str | Callable[[Scope], str | None] | None = None
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
        if not callable(self.path):
            _checked_path(self.path)
        if not callable(self.domain):
            _checked_domain(self.domain)
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
        if not set(options or ()) <= set(cls.__slots__):
            known = ", ".join(cls.__slots__)
            raise ValueError(f"cookie_options has an unknown name in it; known are {known}")
        return cls(**(options or {}))


def _checked_path(path: object) -> str:
    """Raises `TypeError` and `ValueError`. The text is not shown: it can be a client's."""
    if not isinstance(path, str):
        raise TypeError(f"cookie path is text, not {type(path).__name__}")
    if not _PATH.fullmatch(path):
        raise ValueError("cookie path must start with / and hold neither ; nor control characters")
    return path


def _checked_domain(domain: object) -> str | None:
    """Raises `TypeError` and `ValueError`. The text is not shown: it can be a client's."""
    if domain is not None and not isinstance(domain, str):
        raise TypeError(f"cookie domain is text or None, not {type(domain).__name__}")
    if domain is not None and not _DOMAIN.fullmatch(domain):
        raise ValueError("cookie domain is not a host name")
    return domain


class Cookie:
    """One cookie name with its attributes: reads its value, writes the `Set-Cookie` lines."""

    def __init__(self, name: str, options: CookieOptions) -> None:
        """Raises `ValueError` for a name that is no token or that a piece of another cookie may have, and for
        one with a prefix that the options do not keep.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("a cookie name is one or more of letters, digits and !#$%&'*+-.^_`|~")
        if _PIECE.fullmatch(name):
            raise ValueError(
                "a cookie name that ends in a point and a number is that of a piece: a session that is too"
                " large for the cookie 'session' goes on in 'session.1'"
            )
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
        self.of_request = self._by_functions(options)
        """The cookie of a request, if its domain or path depends on that; else None, and it is this one."""
        header = CookieHeader(name)
        self.find = header.find
        self._partitioned = "; Partitioned" if options.partitioned else ""
        self._secure = True if prefixed else options.secure
        self._warned = set[str]()  # one for all copies
        self._attributes = "; HttpOnly" if options.http_only else ""
        self._attributes += f"; SameSite={options.same_site.capitalize()}{self._partitioned}"
        # With functions for both, a place that only the size of a cookie is measured with.
        self.put(
            "/" if callable(options.path) else options.path,
            None if callable(options.domain) else options.domain,
        )

    def put(self, path: object, domain: object) -> None:
        """Raises `TypeError` and `ValueError`."""
        self.path, domain = _checked_path(path), _checked_domain(domain)
        # What a browser knows it by, beside the name (RFC 6265bis, section 5.7).
        self.place = (domain and domain.lstrip(".").lower(), self.path)
        self._tail = f"; Path={self.path}"
        if domain is not None:
            self._tail += f"; Domain={domain}"
        self._tail += self._attributes

    def _by_functions(self, options: CookieOptions) -> Callable[[Scope], Cookie] | None:
        path, domain = options.path, options.domain
        if not callable(path) and not callable(domain):
            return None

        def of_request(scope: Scope) -> Cookie:
            cookie = copy(self)
            cookie.put(path(scope) if callable(path) else path, domain(scope) if callable(domain) else domain)
            return cookie

        return of_request

    def is_same(self, other: Cookie) -> bool:
        """Whether a browser takes the one for the other: same name, domain and path."""
        return self.name == other.name and self.place == other.place

    def warn_if_set_inside(self, headers: Headers) -> None:
        """Log one error if the app sets this cookie too: then each of the two removes the other's session."""
        if not self._warned and self.is_set_in(headers):
            self._warned.add(self.name)
            logger.error(
                "the app sets a cookie %r itself, which is this SessionMiddleware's: another session"
                " middleware inside? Give one of the two another name, session_cookie_name=…",
                self.name,
            )

    def is_set_in(self, headers: Headers) -> bool:
        """Whether a response with these headers sets or removes this cookie."""
        own = self.name.encode()
        return any(
            name == b"set-cookie" and value.partition(b"=")[0].strip() == own for name, value in headers
        )

    @property
    def secure_attributes(self) -> str:
        """The attributes that it has over https, as in a `Set-Cookie` line, but for its age."""
        return self._tail.removeprefix("; ") + self._secure_attribute(True)

    def write(
        self,
        value: str,
        max_age: int | None,
        *,
        https: bool,
        max_bytes: int,
        stale: Collection[int] = (),
        headers: Headers = (),
    ) -> list[bytes]:
        """The `Set-Cookie` values; `stale` are the numbers of the pieces that the browser has now.

        `headers` are the response's other lines. Raises `CookieTooLarge` when names and values together are
        more than `max_bytes`.
        """
        if not stale and len(self.name) + len(value) <= min(MAX_COOKIE, max_bytes):
            # As a rule; the same as below.
            age = "" if max_age is None else f"; Max-Age={max_age}"
            return [f"{self.name}={value}{age}{self._tail}{self._secure_attribute(https)}".encode("ascii")]
        pieces = split_value(self.name, value, max_bytes)
        lines = [self._line(number, piece, max_age, https) for number, piece in enumerate(pieces)]
        left = [number for number in stale if number >= len(pieces)]
        return lines + self._removals(left, headers, lines, https, at_least=SOME)

    def remove(self, *, https: bool, stale: Iterable[int], headers: Headers = ()) -> list[bytes]:
        lines = [self._line(0, "", 0, https)]
        return lines + self._removals(stale, headers, lines, https, at_least=SOME)

    def remove_useless(self, numbers: Iterable[int], headers: Headers, *, https: bool) -> list[bytes]:
        """The `Set-Cookie` values that remove these pieces, but for those that the response sets anyway."""
        names = {line.partition(b"=")[0] for name, line in headers if name == b"set-cookie"}
        left = [number for number in numbers if _piece_name(self.name, number).encode() not in names]
        return self._removals(left, headers, (), https, at_least=0)

    def _removals(
        self, numbers: Iterable[int], headers: Headers, lines: Iterable[bytes], https: bool, *, at_least: int
    ) -> list[bytes]:
        removals = [self._line(number, "", 0, https) for number in islice(numbers, MAX_REMOVED)]
        return _fitting(removals, headers, lines, at_least) if removals else removals

    def remove_elsewhere(
        self, host: str, path: str, numbers: Iterable[int], headers: Headers = (), *, https: bool
    ) -> list[bytes]:
        """The `Set-Cookie` values that remove this cookie wherever else it can have come from.

        A browser sends the cookies of the host and its parent domains, of the path and its prefixes
        (RFC 6265bis, section 5.8.3), and does not say which is which. The place that the options name stays.
        """
        attributes = self._partitioned + self._secure_attribute(https)
        places = [
            (domain, prefix)
            for prefix in _prefixes(path)
            for domain in _domains(host)
            if (domain, prefix) != self.place
        ]
        lines = [
            (
                f"{_piece_name(self.name, number)}=; Max-Age=0; Path={prefix}"
                + (f"; Domain={domain}" if domain else "")
                + attributes
            ).encode("ascii")
            for number in islice(numbers, MAX_PIECES)
            for domain, prefix in places
        ]
        fitting = _fitting(lines, headers)[:MAX_PLACES]
        if len(fitting) < len(lines):
            # Not the same ones each time: nobody says which of them the browser has.
            random.shuffle(lines)
            fitting = _fitting(lines, headers)[:MAX_PLACES]
        return fitting

    def _line(self, number: int, value: str, max_age: int | None, https: bool) -> bytes:
        line = f"{_piece_name(self.name, number)}={value}"
        if max_age is not None:
            line += f"; Max-Age={max_age}"
        line += self._tail
        return (line + self._secure_attribute(https)).encode("ascii")

    def _secure_attribute(self, https: bool) -> str:
        return "; Secure" if (https if self._secure is None else self._secure) else ""


def split_value(name: str, value: str, max_bytes: int) -> list[str]:
    """The value in as many pieces as it takes cookies: one as a rule.

    Raises `CookieTooLarge` when names and values together are more than `max_bytes`.
    """
    pieces = [value] if len(name) + len(value) <= MAX_COOKIE else _pieces(name, value)
    size = sum(len(_piece_name(name, number)) + len(piece) for number, piece in enumerate(pieces))
    if size > max_bytes:
        raise CookieTooLarge(
            f"the sealed session takes {size} bytes of cookies, and {max_bytes} are allowed by max_bytes:"
            " keep less in it, use a server-side store, or raise CookieStore(max_bytes=…) together with"
            " the limits of the proxy and the server in front of the app (docs/deploy.md)"
        )
    return pieces


def _pieces(name: str, value: str) -> list[str]:
    room = MAX_COOKIE - len(name) - len(".999")
    count = 2
    while len(f"{count}~") + len(value) > count * room:
        count += 1
    value = f"{count}~{value}"
    return [value[start : start + room] for start in range(0, len(value), room)]


def _piece_name(name: str, number: int) -> str:
    return f"{name}.{number}" if number else name


def _fitting(
    removals: Iterable[bytes], headers: Headers, lines: Iterable[bytes] = (), at_least: int = 0
) -> list[bytes]:
    """Those that a response with these headers and `Set-Cookie` values has room for."""
    taken = sum(len(name) + len(value) + _AROUND for name, value in headers)
    room = max(at_least, MAX_HEADERS - taken - sum(len(line) + _SET_COOKIE for line in lines))
    fitting: list[bytes] = []
    for removal in removals:
        if len(removal) + _SET_COOKIE <= room:
            room -= len(removal) + _SET_COOKIE
            fitting.append(removal)
    return fitting


def _domains(host: str) -> list[str | None]:
    """Where a cookie for this host may come from; None is the host alone, without a `Domain`."""
    if not _DOMAIN.fullmatch(host) or "." not in host or host.replace(".", "").isdigit():
        return [None]  # an address has no parents
    labels = host.lower().split(".")
    # The nearest ones. Of a public suffix, such as co.uk, browsers take no cookie.
    return [None, *[".".join(labels[start:]) for start in range(len(labels) - 1)][:4]]


def _prefixes(path: str) -> list[str]:
    """The paths of which a cookie is sent with a request for this one, the nearest to the root first."""
    if not _PATH.fullmatch(path):
        return ["/"]
    parts = path.split("/")[1:]
    starts = ["/" + "/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    with_slash = [prefix for start in starts for prefix in (start, start.rstrip("/") + "/")]
    every = dict.fromkeys(["/", *with_slash[:-1], path])
    return [prefix for prefix in every if len(prefix) <= MAX_PATH]
