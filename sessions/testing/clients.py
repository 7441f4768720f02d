"""Where a test's client keeps its cookies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from email.message import Message
from http.cookiejar import CookieJar
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit
from urllib.request import Request


class HasCookies(Protocol):
    """A client of httpx or requests, Starlette's `TestClient`, a browser context of Playwright."""

    @property
    def cookies(self) -> Any: ...


ClientT = TypeVar("ClientT", bound=HasCookies | CookieJar)


class Cookies(Protocol):
    """A client's cookies. What it returns may have to be awaited, as the client is asynchronous or not."""

    def ask(self) -> Any:
        """Asks the client what it has."""
        ...

    def header(self, answer: Any) -> str:
        """The `Cookie` header that the client would send."""
        ...

    def forget(self, answer: Any, name: str) -> Iterator[Any]:
        """Each step that removes the cookie of this name, and its pieces, as far as the client sends them."""
        ...

    def keep(self, lines: Sequence[str]) -> Iterator[Any]:
        """Each step that makes the client keep what these `Set-Cookie` values say. Raises `ValueError`."""
        ...


def cookies_of(client: HasCookies | CookieJar, url: str) -> Cookies:
    """`url` is the address to which the cookies belong. Raises `TypeError` for another kind of client."""
    if hasattr(client, "add_cookies"):
        return _BrowserCookies(client, url)
    return _JarCookies(jar_of(client), url)


def jar_of(client: HasCookies | CookieJar) -> CookieJar:
    """Raises `TypeError` for another kind of client."""
    jar = client if isinstance(client, CookieJar) else client.cookies
    jar = getattr(jar, "jar", jar)
    if not isinstance(jar, CookieJar):
        raise TypeError(
            "a client is one of httpx or requests, a TestClient, a browser context of Playwright, or an"
            f" http.cookiejar.CookieJar, not {type(client).__name__}"
        )
    return jar


def address_of(client: Any, url: str | None) -> str:
    """The app's address: scheme, host, port and path. Raises `ValueError` if nobody says it."""
    parts = urlsplit(str(getattr(client, "base_url", "")) if url is None else url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("say the app's address, whose cookies the client keeps: url='http://testserver'")
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


class _JarCookies:
    """In a jar of the standard library's, as httpx and requests have one."""

    def __init__(self, jar: CookieJar, url: str) -> None:
        self._jar = jar
        self._url = url

    def ask(self) -> None:
        pass

    def header(self, answer: None = None) -> str:
        request = Request(self._url)  # noqa: S310 (nothing is opened)
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie") or ""

    def forget(self, answer: None, name: str) -> Iterator[None]:
        for cookie in list(self._jar):
            alone = CookieJar()
            alone.set_cookie(cookie)
            if _is_piece(cookie.name, name) and _JarCookies(alone, self._url).header():
                self._jar.clear(cookie.domain, cookie.path, cookie.name)
        yield None

    def keep(self, lines: Sequence[str]) -> Iterator[None]:
        self._jar.extract_cookies(_Answer(lines), Request(self._url))  # type: ignore[arg-type]  # noqa: S310
        sent = {pair.partition("=")[0] for pair in self.header().split("; ")}
        for line in lines:
            name, _, attributes = _parsed(line)
            # A cookie of another path, such as the endpoint's for devices, is not sent to this one.
            here = (urlsplit(self._url).path or "/").startswith(attributes["path"])
            if here and attributes.get("max-age") != "0" and name not in sent:
                raise ValueError(_why_not(attributes, self._url))
        yield None


def _why_not(attributes: dict[str, str], url: str) -> str:
    """Why a client at this address does not send a cookie with these attributes."""
    parts = urlsplit(url)
    if "secure" in attributes and parts.scheme == "http":
        return (
            "the session's cookie is for https only, and the client's address begins with http: give it"
            f" another one, base_url='https://{parts.netloc}'"
        )
    return (
        f"the session's cookie is for {attributes.get('domain')}, and the client's address is {parts.netloc}"
    )


class _Answer:
    """As much of a response as a `CookieJar` looks at."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._headers = Message()
        for line in lines:
            self._headers["Set-Cookie"] = line

    def info(self) -> Message:
        return self._headers


class _BrowserCookies:
    """In a browser context of Playwright, synchronous or not."""

    def __init__(self, context: Any, url: str) -> None:
        self._context = context
        self._url = url

    def ask(self) -> Any:
        return self._context.cookies([self._url])

    def header(self, answer: Sequence[dict[str, Any]]) -> str:
        return "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in answer)

    def forget(self, answer: Sequence[dict[str, Any]], name: str) -> Iterator[Any]:
        for cookie in answer:
            if _is_piece(cookie["name"], name):
                yield self._context.clear_cookies(**{key: cookie[key] for key in ("name", "domain", "path")})

    def keep(self, lines: Sequence[str]) -> Iterator[Any]:
        for line in lines:
            name, value, attributes = _parsed(line)
            domain = attributes.get("domain")
            # A point before it tells Playwright that the cookie is for subdomains too.
            place = f".{domain.lstrip('.')}" if domain else str(urlsplit(self._url).hostname)
            if attributes.get("max-age") == "0":
                yield self._context.clear_cookies(name=name, domain=place, path=attributes["path"])
            else:
                yield self._context.add_cookies(
                    [_for_playwright(name, value, attributes) | {"domain": place}]
                )


def _for_playwright(name: str, value: str, attributes: dict[str, str]) -> dict[str, Any]:
    cookie: dict[str, Any] = {
        "name": name,
        "value": value,
        "path": attributes["path"],
        "httpOnly": "httponly" in attributes,
        "secure": "secure" in attributes,
        "sameSite": attributes["samesite"],
    }
    if "max-age" in attributes:
        cookie["expires"] = time.time() + int(attributes["max-age"])
    return cookie


def _is_piece(cookie_name: str, name: str) -> bool:
    """Whether it is the session's cookie, or one of several that a large session takes."""
    base, _, number = cookie_name.rpartition(".")
    return cookie_name == name or (base == name and number.isdigit())


def _parsed(line: str) -> tuple[str, str, dict[str, str]]:
    """Name, value and attributes, by their names in lower case, of a `Set-Cookie` value that we have made."""
    pair, *others = line.split("; ")
    name, _, value = pair.partition("=")
    attributes = {key.lower(): text for key, _, text in (other.partition("=") for other in others)}
    return name, value, attributes
