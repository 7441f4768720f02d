"""SEC-3: a login that was written for other sessions, and calls no `rotate()`, is one for these.

fastapi-login is not among them: it keeps a token of its own in a cookie of its own, and asks no session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from e2e.server.login_libraries_app import LOGINS, PASSWORD, USER, create_app
from sessions import MemoryStore

pytestmark = pytest.mark.promise("SEC-3", "ROT-3")

EACH = pytest.mark.parametrize("inside", LOGINS.values(), ids=LOGINS)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def victim(store: MemoryStore) -> Iterator[TestClient]:
    with TestClient(create_app(store)) as client:
        yield client


@pytest.fixture
def attacker(victim: TestClient) -> TestClient:
    return TestClient(victim.app)


def is_inside(client: TestClient, inside: str) -> bool:
    answer = client.get(inside)
    assert answer.status_code == 200
    return answer.url.path == inside


def log_in(client: TestClient, inside: str, password: str = PASSWORD) -> None:
    """Fill in the form to which somebody is sent who is not signed in."""
    form = client.get(inside)
    assert form.url.path.endswith("/login")
    token = re.search(r'name="(\w*csrf\w*)"\s+value="([^"]+)"', form.text)
    fields = {"username": USER, "password": password} | ({token[1]: token[2]} if token else {})
    client.post(str(form.url), data=fields)


@pytest.mark.asvs("7.2.4")
@EACH
def test_an_id_from_before_the_login_is_worth_nothing_after_it(
    victim: TestClient, attacker: TestClient, inside: str
) -> None:
    attacker.get("/cart?item=bread")
    planted = attacker.cookies["session"]
    victim.cookies.set("session", planted, domain="testserver.local", path="/")
    log_in(victim, inside)
    assert is_inside(victim, inside)
    assert victim.cookies["session"] != planted
    assert not is_inside(attacker, inside)
    assert attacker.get("/cart").json() == {"cart": []}
    assert victim.get("/cart").json() == {"cart": ["bread"]}


@EACH
def test_a_wrong_password_signs_nobody_in(victim: TestClient, inside: str) -> None:
    victim.get("/cart?item=bread")
    before = victim.cookies["session"]
    log_in(victim, inside, "wrong")
    assert not is_inside(victim, inside)
    assert victim.cookies["session"] == before
