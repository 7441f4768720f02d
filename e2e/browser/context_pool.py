"""Browser contexts that go from test to test of a cell, wiped in between.

To open a context and a page in it costs the browser a new process and a tenth of a second. What a site can
leave behind in one is wiped: cookies, storage, the HTTP cache, the tab's history, other tabs, scripts and
requests still running. A context of which a test has used anything else than `HARMLESS` is closed instead,
and so is one whose test failed or ended on another site. Only Chromium can be wiped so thoroughly.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakSet

from playwright.sync_api import BrowserContext, CDPSession, Error, Page

MOST_IDLE = 4
"""Each is a process of a hundred megabytes."""

HARMLESS: dict[type, set[str]] = {
    Page: {
        *("goto", "reload", "go_back", "go_forward", "url", "title", "content", "context", "is_closed"),
        *("evaluate", "locator", "frame_locator", "get_by_role", "get_by_text", "get_by_label", "frames"),
        *("expect_response", "expect_request", "expect_navigation", "expect_popup", "main_frame"),
        *("wait_for_url", "wait_for_load_state", "wait_for_function", "screenshot", "close"),
    },
    BrowserContext: {"cookies", "add_cookies", "clear_cookies", "new_page", "pages", "tracing", "close"},
}
"""What leaves nothing in the context that `wipe` does not remove."""

_changed: WeakSet[BrowserContext] = WeakSet()

T = TypeVar("T")


def note_changed_contexts(harmless_of: Mapping[type, Collection[str]] = HARMLESS) -> None:
    """From now on note which contexts a test has changed in ways that are not harmless."""
    for kind, harmless in harmless_of.items():
        for name, member in list(vars(kind).items()):
            if name.startswith("_") or name in harmless:
                continue
            if isinstance(member, property) and member.fget:
                setattr(kind, name, property(_noting_change(member.fget)))
            elif callable(member):
                setattr(kind, name, _noting_change(member))


def _noting_change(member: Callable[..., T]) -> Callable[..., T]:
    @wraps(member)
    def used(self: Any, *args: Any, **kwargs: Any) -> T:
        _changed.add(getattr(self, "context", self))
        return member(self, *args, **kwargs)

    return used


@dataclass
class PooledPage:
    """A context with its page, and the line to the browser over which it is wiped."""

    page: Page
    cdp: CDPSession

    @property
    def context(self) -> BrowserContext:
        return self.page.context


class ContextPool:
    """The contexts of one cell."""

    def __init__(self, new_context: Callable[[], BrowserContext], home: str) -> None:
        """`home` is the address of a page that does nothing; a page that is taken is there."""
        self._new_context = new_context
        self._home = home
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(home))
        self._idle: list[PooledPage] = []

    def take(self) -> PooledPage:
        if self._idle:
            return self._idle.pop()
        page = self._new_context().new_page()
        pooled = PooledPage(page, page.context.new_cdp_session(page))
        _changed.discard(page.context)  # that was us
        page.goto(self._home)
        return pooled

    def put_back(self, pooled: PooledPage) -> None:
        if len(self._idle) < MOST_IDLE and self._is_as_it_was(pooled):
            try:
                self._wipe(pooled)
            except Error:  # a page that hangs, or a server that is gone
                pass
            else:
                self._idle.append(pooled)
                return
        pooled.context.close()

    def _is_as_it_was(self, pooled: PooledPage) -> bool:
        return (
            pooled.context not in _changed
            and not pooled.page.is_closed()
            and all(page.url.startswith(f"{self._origin}/") for page in pooled.context.pages)
        )

    def _wipe(self, pooled: PooledPage) -> None:
        for page in pooled.context.pages:
            if page is not pooled.page:
                page.close()
        pooled.page.evaluate("sessionStorage.clear()")
        # This ends the scripts and requests of the page, so it comes before what they could write to.
        pooled.page.goto(self._home)
        pooled.context.clear_cookies()
        pooled.cdp.send("Storage.clearDataForOrigin", {"origin": self._origin, "storageTypes": "all"})
        pooled.cdp.send("Network.clearBrowserCache")
        pooled.cdp.send("Page.resetNavigationHistory")

    def close(self) -> None:
        for pooled in self._idle:
            pooled.context.close()
        self._idle.clear()
