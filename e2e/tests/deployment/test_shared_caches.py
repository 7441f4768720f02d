"""COOKIE-5: what real caches, which many browsers share, do with what they are told."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Response

from e2e.browser.page import jar, plant
from e2e.promises import only, promise
from e2e.server.server import Server
from e2e.server.web_servers.apache_shared_cache import ApacheSharedCache
from e2e.server.web_servers.nginx_shared_cache import NginxSharedCache
from e2e.server.web_servers.shared_cache import SharedCache

pytestmark = only(server="hypercorn", store="cookie", browser="chromium", mode="http")

FIELDS: dict[type[SharedCache], tuple[str, ...]] = {
    NginxSharedCache: ("cache-control", "cdn-cache-control", "x-accel-expires"),
    ApacheSharedCache: ("cache-control",),
}
"""The fields that each of them obeys."""
EACH = pytest.mark.parametrize(
    ("cache", "field"),
    [(kind, field) for kind, fields in FIELDS.items() for field in fields],
    ids=lambda value: value if isinstance(value, str) else value.__name__.lower(),
    indirect=["cache"],
)


@pytest.fixture(scope="module")
def caches(server: Server) -> Iterator[Callable[[type[SharedCache]], SharedCache]]:
    started: dict[type[SharedCache], SharedCache] = {}

    def running(kind: type[SharedCache]) -> SharedCache:
        if kind not in started:
            started[kind] = kind(server.url).__enter__()
        return started[kind]

    yield running
    for cache in started.values():
        cache.close()


@pytest.fixture
def cache(request: pytest.FixtureRequest, caches: Callable[[type[SharedCache]], SharedCache]) -> SharedCache:
    return caches(request.param)


def visit(page: Page, url: str) -> Response:
    response = page.goto(url)
    assert response is not None
    assert response.status == 200
    return response


def is_from_the_cache(response: Response) -> bool:
    return response.all_headers()["x-cache"].startswith("HIT")


@promise("COOKIE-5")
@EACH
def test_a_page_that_sets_the_cookie_is_given_to_nobody_else(
    cache: SharedCache, field: str, new_page: Callable[[], Page]
) -> None:
    first, stranger = new_page(), new_page()
    for page in (first, stranger):
        assert not is_from_the_cache(visit(page, f"{cache.url}/lab/public/{field}"))
    assert jar(first).keys() == jar(stranger).keys() == {"session"}
    assert jar(first) != jar(stranger)


@promise("COOKIE-5")
@EACH
def test_a_page_that_never_looks_at_the_session_is_kept_as_the_app_says(
    cache: SharedCache, field: str, new_page: Callable[[], Page]
) -> None:
    pages = [visit(new_page(), f"{cache.url}/lab/anybodys/{field}") for _ in range(2)]
    assert [is_from_the_cache(page) for page in pages] == [False, True]


@promise("COOKIE-5")
@pytest.mark.parametrize("cache", FIELDS, ids=lambda kind: kind.__name__.lower(), indirect=True)
def test_a_page_that_looked_at_the_session_is_given_to_nobody_with_another_cookie(
    cache: SharedCache, new_page: Callable[[], Page]
) -> None:
    profile = f"{cache.url}/browser"  # without a timeout, so that no extension sets a cookie
    first, stranger, again = new_page(), new_page(), new_page()
    for page in (first, stranger):
        visit(page, f"{profile}/lab/public")
    plant(again, jar(first))
    pages = [visit(page, f"{profile}/lab/varying") for page in (first, stranger, again)]
    assert [is_from_the_cache(page) for page in pages] == [False, False, True]
