"""Trace and screenshots of a test, kept only when it fails.

pytest-playwright's own recorder pictures every page and writes every trace, to delete them if the test
passed; over a matrix that is a fifth of the time. This one does so only once a test has failed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page

from e2e.browser.context_pool import ContextPool, PooledPage


@dataclass
class Recording:
    """The browser contexts of one test. `tracing` and `screenshot` are pytest-playwright's options."""

    browser: Browser
    context_options: Mapping[str, Any]
    folder: Path
    tracing: str
    screenshot: str
    pool: ContextPool | None = None
    """Where pages come from, if not from contexts of their own"""
    watch: Callable[[BrowserContext], None] | None = None
    """Told of each context"""
    kept: list[tuple[str, Path]] = field(default_factory=list)
    """(kind, file) of what was kept"""
    _contexts: dict[BrowserContext, PooledPage | None] = field(
        default_factory=dict[BrowserContext, "PooledPage | None"]
    )

    def new_context(self, **options: Any) -> BrowserContext:
        """A browser with an empty cookie jar."""
        context = self.browser.new_context(**{**self.context_options, **options})
        self._begin(context, None)
        return context

    def new_page(self) -> Page:
        """A page of a browser with an empty cookie jar, for tests that change nothing else of the browser."""
        if not self.pool:
            return self.new_context().new_page()
        pooled = self.pool.take()
        self._begin(pooled.context, pooled)
        return pooled.page

    def _begin(self, context: BrowserContext, pooled: PooledPage | None) -> None:
        self._contexts[context] = pooled
        if self.watch:
            self.watch(context)
        if self.tracing != "off":
            # What a page looked like at each step (`snapshots`) takes a fifth of the time of all tests, so
            # who wants it asks for it: --tracing=on. A failed test has a picture of its pages at the end.
            context.tracing.start(snapshots=self.tracing == "on", sources=True)

    def close(self, *, failed: bool) -> None:
        for number, (context, pooled) in enumerate(self._contexts.items(), 1):
            try:
                if self.screenshot == "on" or (failed and self.screenshot == "only-on-failure"):
                    self._picture(context.pages)
                if self.tracing == "on" or (failed and self.tracing == "retain-on-failure"):
                    file = self.folder / f"trace-{number}.zip"
                    context.tracing.stop(path=file)
                    self.kept.append(("trace", file))
                elif pooled and self.tracing != "off":
                    context.tracing.stop()
                if pooled and self.pool and not failed:
                    self.pool.put_back(pooled)
                else:
                    context.close()
            except Error as problem:
                # The test's own outcome is the story, not that a broken page cannot be pictured.
                print(f"Could not record {self.folder.name}: {problem}")

    def _picture(self, pages: Iterable[Page]) -> None:
        for page in pages:
            file = self.folder / f"page-{len(self.kept) + 1}.png"
            page.screenshot(path=file, full_page=True, timeout=5000)
            self.kept.append(("screenshot", file))

    @property
    def properties(self) -> list[tuple[str, str]]:
        """What was kept, as pytest's user properties."""
        return [(f"playwright_{kind}", str(file)) for kind, file in self.kept]
