"""BIND-2 and BIND-4: the owner of a bound session notices nothing, and other browsers have ordinary ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from bound_support import (
    CHALLENGE,
    ENDPOINT,
    PROOF,
    REGISTRATION,
    URL,
    bound_browser,
    bound_site,
    browser_of,
    challenge_of,
    client_of,
    cookies_of,
    invited,
    kinds,
    registration,
    renewal,
    seen,
    thief_of,
)
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from support import KEY, OTHER_KEY, Clock, Crowd, Gate, Unsure, Watched, answer, own

from sessions import DeviceBinding, MemoryStore, SessionMiddleware, SQLiteStore, Store, get_session
from sessions.__main__ import main
from sessions.testing import BoundBrowser, ClientSession
from sessions.testing.bound_browser import DeviceKey

pytestmark = [pytest.mark.anyio]


# -- a session's life --------------------------------------------------------------------------------


@pytest.mark.promise("BIND-2")
async def test_a_login_is_bound_and_stays_so(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = browser_of(app)
    response = await browser.post("/login")
    assert REGISTRATION in response.headers
    first = (await browser.get("/who")).json()
    assert first["bound"]
    assert first["owner"] == "ada"
    assert (first["proved_at"], first["expires_at"]) == (clock.now, clock.now + 600)
    for _ in range(3):
        clock.go(601)
        later = (await browser.get("/who")).json()
        assert (later["owner"], later["bound"], later["data"]) == ("ada", True, {"secret": "of ada"})
        assert later["proved_at"] == clock.now
    (session,) = await store.sessions_of("ada")
    assert session.is_device_bound
    assert kinds(app) == ["began", "login", "bound", "proved", "proved", "proved"]


@pytest.mark.promise("BIND-2")
async def test_a_renewal_writes_nothing(clock: Clock) -> None:
    store = Watched()
    browser = await bound_browser(bound_site(store))
    await browser.get("/who")
    before = store.writes
    clock.go(500)
    await browser.renew()
    await browser.renew()
    assert store.writes == before
    assert await seen(browser) == "ada"


@pytest.mark.promise("BIND-2")
async def test_a_browser_that_renews_late_enough_holds_the_request_for_one_challenge(clock: Clock) -> None:
    app = bound_site()
    browser = await bound_browser(app)
    clock.go(479)
    await browser.get("/who")
    assert "proved" not in kinds(app)
    clock.go(2)
    await browser.get("/who")
    assert kinds(app).count("proved") == 1


@pytest.mark.promise("BIND-2")
async def test_the_binding_survives_changes_of_the_id(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    identifier = browser.bonds[0].id
    for path in ("/rotate", "/reauthenticate", "/rotate?a=1"):
        response = await browser.get(path)
        assert REGISTRATION not in response.headers
        clock.go(700)
        assert await seen(browser) == "ada"
        assert [bond.id for bond in browser.bonds] == [identifier]


@pytest.mark.promise("BIND-2")
async def test_a_renewal_finds_the_session_without_its_cookie(store: Store, clock: Clock) -> None:
    """A navigation from another site causes it: no cookie with SameSite=Lax goes with it."""
    browser = await bound_browser(bound_site(store))
    await browser.get("/rotate")
    client: Any = browser.client
    (session,) = [cookie for cookie in client.cookies.jar if cookie.name == "session"]
    clock.go(601)
    client.cookies.jar.clear(session.domain, session.path, session.name)
    await browser.renew()
    client.cookies.jar.set_cookie(session)
    assert (await client.get("/who")).json()["owner"] == "ada"


@pytest.mark.promise("BIND-2")
async def test_a_registration_needs_no_cookie(store: Store) -> None:
    """After a login that came from another site, the browser sends none along."""
    app = bound_site(store)
    browser = browser_of(app)
    client = client_of(app)
    challenge = invited(await client.post("/login"))
    key = DeviceKey()
    response = await registration(client_of(app), key.proof(challenge, registers=True))
    assert response.status_code == 200
    assert "session-device" in response.cookies
    client.cookies.update(response.cookies)
    assert (await client.get("/who")).json()["bound"]
    assert not browser.bonds


@pytest.mark.promise("BIND-2")
async def test_a_registration_finds_a_session_that_got_a_new_id_meanwhile(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    client = client_of(app)
    challenge = invited(await client.post("/login"))
    await client.get("/rotate")
    await client.get("/rotate")
    clock.go(30)
    response = await registration(client, DeviceKey().proof(challenge, registers=True))
    assert response.status_code == 200
    assert (await client.get("/who")).json()["bound"]


@pytest.mark.promise("BIND-2")
async def test_the_key_may_come_as_a_claim_as_the_draft_has_it() -> None:
    app = bound_site()
    client, key = client_of(app), DeviceKey()
    challenge = invited(await client.post("/login"))
    claims = {"aud": f"{URL}{ENDPOINT}", "jti": challenge, "iat": "1", "key": key.jwk}
    proof = key.signed(b'{"alg":"ES256","typ":"dbsc+jwt"}', json.dumps(claims).encode())
    response = await registration(client, f'"{proof}"')
    assert response.status_code == 200


@pytest.mark.promise("BIND-2")
async def test_a_lost_answer_to_a_registration_costs_no_second_key(store: Store) -> None:
    app = bound_site(store)
    client, key = client_of(app), DeviceKey()
    challenge = invited(await client.post("/login"))
    proof = key.proof(challenge, registers=True)
    first = await registration(client_of(app), proof)
    again = await registration(client, proof)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert kinds(app).count("bound") == 1
    assert (await client.get("/who")).json()["bound"]


@pytest.mark.promise("BIND-2")
async def test_requests_on_their_way_at_the_registration_are_the_owners(clock: Clock) -> None:
    """They left the browser before it got the bound cookie."""
    app = bound_site()
    client = client_of(app)
    challenge = invited(await client.post("/login"))
    without = client_of(app, cookies=cookies_of(client))
    await registration(client, DeviceKey().proof(challenge, registers=True))
    clock.go(9)
    assert await seen(without) == "ada"
    clock.go(2)
    assert await seen(without) is None


@pytest.mark.promise("BIND-2")
async def test_a_request_sent_just_before_the_end_of_a_proof_is_the_owners(clock: Clock) -> None:
    app = bound_site()
    browser = await bound_browser(app)
    sent = thief_of(app, browser)  # with the cookies of this moment
    clock.go(620)
    assert await seen(sent) == "ada"


@pytest.mark.promise("BIND-2")
async def test_parallel_requests_after_the_end_of_a_proof(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    clock.go(3600)
    owners: list[str | None] = []

    async def ask() -> None:
        owners.append(await seen(browser))

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(ask)
    assert owners == ["ada"] * 8


@pytest.mark.promise("BIND-2")
async def test_it_survives_a_restart_of_the_server(store: Store, clock: Clock) -> None:
    browser = await bound_browser(bound_site(store))
    client: Any = browser.client
    after = client_of(bound_site(store), cookies=None)
    after.cookies.jar._cookies = client.cookies.jar._cookies  # type: ignore[attr-defined]
    browser.client = after
    clock.go(3600)
    assert await seen(browser) == "ada"


@pytest.mark.promise("BIND-2")
@pytest.mark.parametrize("encryption_key", [None, KEY, [OTHER_KEY, KEY]])
async def test_with_sealed_ids_and_a_key_that_is_replaced(encryption_key: Any, clock: Clock) -> None:
    store = MemoryStore()
    browser = await bound_browser(bound_site(store, encryption_key=KEY if encryption_key else None))
    clock.go(3600)
    client: Any = browser.client
    client._transport.app = app = bound_site(store, encryption_key=encryption_key)
    stolen = thief_of(app, browser)
    assert await seen(stolen) is None
    assert await seen(browser) == "ada"
    clock.go(3600)
    assert await seen(browser) == "ada"


@pytest.mark.promise("BIND-2")
async def test_timeouts_of_its_own_stay_beside_it(clock: Clock) -> None:
    async def remember(request: Request) -> Response:
        own(request).set_lifetime(400_000)
        return answer()

    app = bound_site(handlers=[remember])
    browser = await bound_browser(app)
    await browser.get("/remember")
    clock.go(300_000)
    assert await seen(browser) == "ada"
    assert await seen(thief_of(app, browser)) == "ada"
    clock.go(700)
    await browser.get("/write", params={"a": "1"})
    clock.go(700)
    thief = thief_of(app, browser)
    assert await seen(thief) is None


@pytest.mark.promise("BIND-2")
async def test_the_absolute_timeout_ends_it(clock: Clock) -> None:
    app = bound_site(absolute_timeout=3600)
    browser = await bound_browser(app)
    clock.go(3000)
    assert await seen(browser) == "ada"
    clock.go(601)
    assert await seen(browser) is None
    assert browser.bonds == []  # the browser has forgotten it, and asks no more


@pytest.mark.promise("BIND-2")
async def test_below_a_root_path(clock: Clock) -> None:
    inner = bound_site()
    app = Starlette(routes=[Mount("/shop", inner)])
    browser = browser_of(app, "https://app.example/shop/")
    client: Any = browser.client
    response = await browser.post("login")
    assert 'path="/shop/device-session"' in response.headers[REGISTRATION]
    (bond,) = browser.bonds
    assert bond.refresh_url == "https://app.example/shop/device-session"
    (finder,) = [cookie for cookie in client.cookies.jar if cookie.name == "session-finder"]
    assert finder.path == "/shop/device-session"
    clock.go(700)
    assert (await browser.get("who")).json()["owner"] == "ada"


@pytest.mark.promise("BIND-2")
async def test_a_websocket_of_the_owner_and_of_a_thief(clock: Clock) -> None:
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json(get_session(websocket).owner)
        await websocket.close()

    app = bound_site(routes=[WebSocketRoute("/socket", socket)])

    def heard(client: TestClient) -> Any:
        with client.websocket_connect("wss://testserver/socket") as websocket:
            return websocket.receive_json()

    with TestClient(app, base_url="https://testserver") as client:
        browser = BoundBrowser(client)
        browser.post("/login")
        assert heard(client) == "ada"
        clock.go(700)
        assert heard(client) is None  # nothing can renew there
        browser.get("/who")
        assert heard(client) == "ada"


# -- its end -----------------------------------------------------------------------------------------


@pytest.mark.promise("BIND-2")
@pytest.mark.parametrize("path", ["/destroy", "/logout"])
async def test_a_logout_ends_the_binding(path: str, store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    await browser.get(path)
    left = cookies_of(browser)
    assert "session-device" not in left
    assert "session-finder" not in left
    assert await seen(browser) is None
    clock.go(700)
    await browser.get("/who")
    assert browser.bonds == []
    await browser.post("/login", params={"user": "bob"})
    clock.go(700)
    assert await seen(browser) == "bob"
    assert len(browser.bonds) == 1


@pytest.mark.promise("BIND-2")
async def test_signing_out_everywhere_ends_it(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browsers = [await bound_browser(app), await bound_browser(app)]
    assert await store.destroy_all("ada") == 2
    clock.go(700)
    for browser in browsers:
        assert await seen(browser) is None
        assert browser.bonds == []


@pytest.mark.promise("BIND-2")
async def test_another_login_in_the_same_browser_is_bound_anew(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    (first,) = browser.bonds
    await browser.post("/login", params={"user": "bob"})
    assert await seen(browser) == "bob"
    clock.go(700)
    assert await seen(browser) == "bob"
    assert [bond.id != first.id for bond in browser.bonds] == [True]


@pytest.mark.promise("BIND-2")
async def test_two_clicks_on_login_end_bound(store: Store, clock: Clock) -> None:
    crowd = Crowd(2)

    async def slow_login(request: Request) -> Response:
        own(request).owner = "ada"
        await crowd.wait()
        return answer()

    app = bound_site(store, handlers=[slow_login])
    browser = browser_of(app)
    await browser.get("/write", params={"cart": "bread"})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(browser.post, "/slow_login")
        tasks.start_soon(browser.post, "/slow_login")
    assert await seen(browser) == "ada"
    assert kinds(app).count("bound") == 1
    clock.go(3600)
    assert (await browser.get("/who")).json()["data"] == {"cart": "bread"}
    assert len(await store.sessions_of("ada")) == 1


@pytest.mark.promise("BIND-2")
async def test_what_a_request_begins_after_a_logout_is_not_bound(store: Store, clock: Clock) -> None:
    async def start_over(request: Request) -> Response:
        own(request).destroy()
        own(request)["language"] = "en"
        return answer()

    browser = await bound_browser(bound_site(store, handlers=[start_over]))
    await browser.get("/start_over")
    clock.go(700)
    found = (await browser.get("/who")).json()
    assert (found["owner"], found["bound"], found["data"]) == (None, False, {"language": "en"})


@pytest.mark.promise("BIND-3", "SAVE-6")
async def test_a_login_that_fails_changes_no_binding(store: Store, clock: Clock) -> None:
    """Not even if something is saved after its response."""

    async def failing_login(request: Request) -> Response:
        session = own(request)
        session.owner = "bob"

        async def later() -> None:
            session["later"] = [True]
            await session.save()

        return Response(status_code=500, background=BackgroundTask(later))

    app = bound_site(store, handlers=[failing_login])
    browser = await bound_browser(app)
    await browser.post("/failing_login")
    for _ in range(2):
        found = (await browser.get("/who")).json()
        assert (found["owner"], found["bound"], found["data"]["later"]) == ("ada", True, [True])
        clock.go(700)
    assert await seen(thief_of(app, browser)) is None


# -- the owner without a proof -----------------------------------------------------------------------


@pytest.mark.promise("BIND-2")
async def test_the_owners_cookie_survives_requests_without_proof(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    client: Any = browser.client
    with_old = thief_of(app, browser)
    clock.go(700)
    # A browser sends the bound cookie no more; a server whose clock is ahead may find it too old before that.
    for visitor in (client, with_old):
        for path in ("/write?n=1", "/rotate?n=2", "/destroy", "/touch", "/flash?message=x", "/logout"):
            response = await visitor.get(path)
            assert response.status_code == 200
            assert not any(
                line.startswith(("session=", "session-finder=", "session-device="))
                for line in response.headers.get_list("set-cookie")
            ), path
    assert await seen(browser) == "ada"
    assert (await browser.get("/who")).json()["data"] == {"secret": "of ada"}


@pytest.mark.promise("BIND-2")
async def test_who_comes_without_proof_can_log_in(store: Store, clock: Clock) -> None:
    """With what a login page keeps in the session: a token against forged forms, or the state of OAuth."""
    app = bound_site(store)
    browser = await bound_browser(app)
    browser.bonds.clear()  # another profile, a broken chip
    clock.go(700)
    await browser.get("/write", params={"state": "xyz"})
    assert (await browser.get("/who")).json()["data"] == {"state": "xyz"}
    await browser.post("/login", params={"user": "ada"})
    assert (await browser.get("/who")).json()["data"] == {"state": "xyz", "secret": "of ada"}
    assert "session-guest" not in cookies_of(browser)
    clock.go(700)
    assert await seen(browser) == "ada"
    assert (await browser.get("/who")).json()["bound"]


@pytest.mark.promise("BIND-2")
async def test_a_login_without_proof_ends_the_older_binding_in_the_browser(
    store: Store, clock: Clock
) -> None:
    """The older session lives on elsewhere, perhaps. Two bindings with one cookie would undo each other."""
    app = bound_site(store)
    browser = await bound_browser(app)
    (older,) = browser.bonds
    client: Any = browser.client
    clock.go(700)
    response = await client.post("/login", params={"user": "ada"})  # the browser could not renew just then
    await registration(client, DeviceKey().proof(invited(response), registers=True))
    assert (await renewal(client, older.id)).status_code == 401
    assert await seen(client) == "ada"
    assert len(await store.sessions_of("ada")) == 2


@pytest.mark.promise("BIND-2")
async def test_an_app_may_answer_who_comes_without_proof(clock: Clock) -> None:
    async def sign_in_again(scope: Any, receive: Any, send: Any) -> None:
        await Response("please sign in again", status_code=401)(scope, receive, send)

    def policy(scope: Any) -> Any:
        return None if scope["path"] == "/login" else sign_in_again

    app = bound_site(binding={"unproven": policy})
    browser = await bound_browser(app)
    clock.go(700)
    client: Any = browser.client
    assert (await client.get("/who")).status_code == 401
    assert (await client_of(app).get("/who")).status_code == 200
    assert (await browser.get("/who")).json()["owner"] == "ada"
    clock.go(700)
    assert (await client.post("/login", params={"user": "bob"})).status_code == 200
    assert await seen(client) == "bob"


# -- browsers without it -----------------------------------------------------------------------------


@pytest.mark.promise("BIND-4")
async def test_a_browser_without_it_has_an_ordinary_session(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    client = client_of(app)
    assert REGISTRATION in (await client.post("/login")).headers
    for path in ("/who", "/write?a=1", "/rotate", "/reauthenticate"):
        await client.get(path)
    clock.go(3600)
    response = await client.get("/who")
    assert REGISTRATION not in response.headers
    assert (response.json()["owner"], response.json()["bound"]) == ("ada", False)
    assert set(cookies_of(client)) == {"session"}
    (session,) = await store.sessions_of("ada")
    assert not session.is_device_bound


@pytest.mark.promise("BIND-4")
async def test_nothing_is_offered_without_https_or_without_a_login() -> None:
    app = bound_site()
    plain = client_of(app, "http://app.example")
    assert REGISTRATION not in (await plain.post("/login")).headers
    assert await seen(plain) == "ada"
    visitor = client_of(app)
    for path in ("/write?a=1", "/rotate", "/read"):
        assert REGISTRATION not in (await visitor.get(path)).headers


@pytest.mark.promise("BIND-4")
async def test_it_is_offered_once_for_each_login() -> None:
    app = bound_site()
    client = client_of(app)
    offered = [
        REGISTRATION in (await client.get(path)).headers
        for path in ("/login", "/login", "/rotate", "/write?a=1", "/reauthenticate", "/login?user=bob")
    ]
    assert offered == [True, False, False, False, True, True]


@pytest.mark.promise("BIND-4")
async def test_with_the_option_off_a_bound_session_is_an_ordinary_one_and_stays_bound(
    store: Store, clock: Clock
) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    clock.go(700)
    without = bound_site(store)
    without.user_middleware[0].kwargs["device_binding"] = None
    client: Any = browser.client
    client._transport.app = without
    assert (await client.get("/who")).json()["owner"] == "ada"
    await client.get("/write", params={"kept": "1"})
    client._transport.app = app
    assert await seen(client) is None
    assert (await browser.get("/who")).json()["data"]["kept"] == "1"


# -- the store fails ---------------------------------------------------------------------------------


@pytest.mark.promise("BIND-2")
async def test_while_the_store_is_away_nothing_is_unbound(clock: Clock) -> None:
    store = Watched()
    app = bound_site(store)
    browser = await bound_browser(app)
    clock.go(700)
    store.away = True
    response = await browser.get("/who")
    assert response.status_code == 503
    assert len(browser.bonds) == 1
    store.away = False
    assert await seen(browser) == "ada"


@pytest.mark.promise("BIND-2")
async def test_a_store_that_is_away_at_the_registration_leaves_an_ordinary_session(clock: Clock) -> None:
    store = Watched()
    app = bound_site(store)
    client = client_of(app)
    challenge = invited(await client.post("/login"))
    store.away = True
    proof = DeviceKey().proof(challenge, registers=True)
    assert (await registration(client, proof)).status_code == 503
    store.away = False
    clock.go(700)
    assert await seen(client) == "ada"


@pytest.mark.promise("BIND-2")
@pytest.mark.parametrize("verb", ["replace", "load"])
async def test_a_lost_answer_of_the_store_at_the_registration(verb: str, clock: Clock) -> None:
    class Deaf(Unsure):
        async def load(self, key: str) -> Any:
            found = await super().load(key)
            await self._answer("load")
            return found

    store = Deaf()
    app = bound_site(store)
    client, key = client_of(app), DeviceKey()
    challenge = invited(await client.post("/login"))
    store.lose(verb)
    response = await registration(client, key.proof(challenge, registers=True))
    if response.status_code == 503:  # nothing was written: an ordinary session
        clock.go(700)
        assert await seen(client) == "ada"
    else:
        assert (await client.get("/who")).json()["bound"]
    assert store.lost == 1


# -- races -------------------------------------------------------------------------------------------


@pytest.mark.promise("BIND-2")
@pytest.mark.parametrize("path", ["/write_late", "/rotate_late", "/save_twice"])
async def test_a_registration_beside_another_request(path: str, store: Store, clock: Clock) -> None:
    gate = Gate()

    async def write_late(request: Request) -> Response:
        own(request)["late"] = True
        await gate.wait()
        return answer()

    async def rotate_late(request: Request) -> Response:
        own(request).rotate()
        own(request)["late"] = True
        await gate.wait()
        return answer()

    async def save_twice(request: Request) -> Response:
        own(request)["late"] = False
        await gate.wait()
        await own(request).save()
        own(request)["late"] = True
        return answer()

    app = bound_site(store, handlers=[write_late, rotate_late, save_twice])
    client, key, response = client_of(app), DeviceKey(), httpx.Response(500)
    challenge = invited(await client.post("/login"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, path)
        await gate.arrival()
        response = await registration(client, key.proof(challenge, registers=True))
        assert response.status_code == 200
        gate.open()
    found = (await client.get("/who")).json()
    assert (found["bound"], found["data"]["late"]) == (True, True)
    clock.go(700)
    assert await seen(client) is None
    identifier = response.json()["session_identifier"]
    answered = await renewal(client, identifier, key.proof(await challenge_of(client, identifier)))
    assert answered.status_code == 200
    assert await seen(client) == "ada"


@pytest.mark.promise("BIND-2")
@pytest.mark.parametrize("before", ["/write?cart=bread", "/login?user=bob"])
async def test_a_registration_beside_a_second_click_on_login(before: str, store: Store, clock: Clock) -> None:
    gate = Gate()

    async def login_late(request: Request) -> Response:
        own(request).owner = "ada"
        await gate.wait()
        return answer()

    async def late() -> None:
        assert REGISTRATION not in (await client.post("/login_late")).headers

    app = bound_site(store, handlers=[login_late])
    client, key, registered = client_of(app), DeviceKey(), httpx.Response(500)
    await client.post(before)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(late)
        await gate.arrival()
        challenge = invited(await client.post("/login", params={"user": "ada"}))
        registered = await registration(client, key.proof(challenge, registers=True))
        gate.open()
    assert (await client.get("/who")).json()["bound"]
    clock.go(700)
    identifier = registered.json()["session_identifier"]
    proof = key.proof(await challenge_of(client, identifier))
    assert (await renewal(client, identifier, proof)).status_code == 200
    assert await seen(client) == "ada"


@pytest.mark.promise("BIND-2")
async def test_a_registration_beside_a_logout(store: Store) -> None:
    gate = Gate()

    async def leave_late(request: Request) -> Response:
        own(request).destroy()
        await gate.wait()
        return answer()

    app = bound_site(store, handlers=[leave_late])
    client = client_of(app)
    challenge = invited(await client.post("/login"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, "/leave_late")
        await gate.arrival()
        await registration(client, DeviceKey().proof(challenge, registers=True))
        gate.open()
    assert await store.sessions_of("ada") == []
    late = await registration(client, DeviceKey().proof(challenge, registers=True))
    assert late.status_code == 401
    assert await store.sessions_of("ada") == []


@pytest.mark.promise("BIND-2")
async def test_a_renewal_beside_a_change_of_the_id(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    client: Any = browser.client
    before = thief_of(app, browser)  # the browser's request left with the old finder
    challenge = await challenge_of(client, bond.id)
    await browser.get("/rotate")
    response = await renewal(before, bond.id, bond.key.proof(challenge))
    assert response.status_code == 200
    assert response.cookies["session-finder"] == cookies_of(browser)["session-finder"]


@pytest.mark.promise("BIND-2")
async def test_a_renewal_beside_the_end(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    client: Any = browser.client
    challenge = await challenge_of(client, bond.id)
    await store.destroy_all("ada")
    response = await renewal(client, bond.id, bond.key.proof(challenge))
    assert response.status_code == 401
    assert CHALLENGE not in response.headers


# -- what tests and tools see ------------------------------------------------------------------------


def test_a_test_sees_a_bound_session_without_proof(clock: Clock) -> None:
    app = bound_site()
    with TestClient(app, base_url="https://testserver") as client:
        browser = BoundBrowser(client)
        browser.post("/login")
        clock.go(700)
        session = ClientSession(app, client)
        seen_session = session.look()
        assert seen_session is not None
        assert seen_session.owner == "ada"
        session.change(lambda session: session.rotate())
        assert browser.get("/who").json()["owner"] == "ada"
        assert browser.get("/who").json()["bound"]


@pytest.mark.promise("LOOK-2")
def test_the_command_line_tells_which_sessions_are_bound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = SQLiteStore(tmp_path / "sessions.db")
    with TestClient(bound_site(store), base_url="https://testserver") as client:
        browser = BoundBrowser(client)
        browser.post("/login")
        (bond,) = browser.bonds
        client.cookies.clear()
        client.post("/login", params={"user": "bob"})
    url = f"sqlite:///{tmp_path}/sessions.db"
    assert main(["list", url]) == 0
    listed = capsys.readouterr().out.splitlines()
    (adas,) = [line for line in listed if line.endswith("  ada  bound to a device")]
    assert sum(line.endswith("  bob") for line in listed) == 1
    assert main(["show", url, adas.split()[0]]) == 0
    shown = capsys.readouterr().out
    assert "device_bound      True" in shown
    assert bond.id not in shown


async def test_the_endpoint_answers_posts_alone_and_tells_caches_nothing() -> None:
    app = bound_site()
    client = client_of(app)
    response = await client.get(ENDPOINT)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert (await client.post(ENDPOINT)).status_code == 400
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    inner: Any = browser.client
    challenge = await renewal(inner, bond.id)
    assert challenge.headers["cache-control"] == "no-store"
    assert challenge.headers[CHALLENGE].endswith(f';id="{bond.id}"')
    assert PROOF not in challenge.headers


def test_what_cannot_work_is_an_error() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    with pytest.raises(ValueError, match="needs a server-side store"):
        SessionMiddleware(app, "cookie:", encryption_key=KEY, device_binding=DeviceBinding())
    with pytest.raises(ValueError, match="needs https"):
        SessionMiddleware(
            app, MemoryStore(), cookie_options={"secure": False}, device_binding=DeviceBinding()
        )
    with pytest.raises(ValueError, match="bind no partitioned cookie"):
        SessionMiddleware(
            app,
            MemoryStore(),
            cookie_options={"same_site": "none", "secure": True, "partitioned": True},
            device_binding=DeviceBinding(),
        )
    with pytest.raises(TypeError, match="is a DeviceBinding"):
        SessionMiddleware(app, MemoryStore(), device_binding=True)  # type: ignore[arg-type]
    inner = SessionMiddleware(app, MemoryStore(), device_binding=DeviceBinding())
    with pytest.raises(ValueError, match="a path of its own"):
        SessionMiddleware(inner, MemoryStore(), session_cookie_name="other", device_binding=DeviceBinding())


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_age": 0},
        {"max_age": 0.5},
        {"max_age": None},
        {"max_age": "600"},
        {"path": "/"},
        {"path": "device"},
        {"path": '/a"b'},
        {"path": "/a/"},
        {"path": 7},
        {"static": "/static/"},
        {"static": ["static/"]},
        {"unproven": 401},
    ],
)
def test_wrong_options_are_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        DeviceBinding(**wrong)


async def test_what_the_browser_is_told() -> None:
    app = bound_site(
        binding={"static": ["/static/"], "include_site": True},
        exclude=["/assets/", "/health"],
        cookie_options={"domain": "app.example", "path": "/"},
        session_cookie_name="id",
    )
    client = client_of(app)
    challenge = invited(await client.post("/login"))
    response = await registration(client, DeviceKey().proof(challenge, registers=True))
    told = response.json()
    assert told == {
        "session_identifier": told["session_identifier"],
        "refresh_url": "/device-session",
        "scope": {
            "include_site": True,
            "origin": "https://app.example",
            "scope_specification": [
                {"type": "exclude", "domain": "*", "path": "/static/"},
                {"type": "exclude", "domain": "*", "path": "/assets/"},
            ],
        },
        "credentials": [
            {
                "type": "cookie",
                "name": "id-device",
                "attributes": "Path=/; Domain=app.example; HttpOnly; SameSite=Lax; Secure",
            }
        ],
        "allowed_refresh_initiators": ["*"],
    }
    bound, finder = response.headers.get_list("set-cookie")
    assert bound.endswith("; Max-Age=600; Path=/; Domain=app.example; HttpOnly; SameSite=Lax; Secure")
    assert finder.endswith(
        "; Max-Age=86400; Path=/device-session; Domain=app.example; HttpOnly; SameSite=None; Secure"
    )


async def test_the_prefix_of_the_cookies_name() -> None:
    app = bound_site(session_cookie_name="__Host-session")
    browser = await bound_browser(app)
    assert set(cookies_of(browser)) == {
        "__Host-session",
        "__Host-session-device",
        "__Secure-session-finder",
    }
    assert await seen(browser) == "ada"


async def test_two_middlewares_of_one_app(clock: Clock) -> None:
    async def both(request: Request) -> Response:
        owners = [session.owner for session in request.scope["sessions"].values()]
        return answer(owners)

    async def login_both(request: Request) -> Response:
        for name, session in request.scope["sessions"].items():
            session.owner = f"ada at {name}"
        return answer()

    inner = Middleware(
        SessionMiddleware,
        store=MemoryStore(),
        session_cookie_name="inner",
        device_binding=DeviceBinding(path="/other-device"),
    )
    app = bound_site(handlers=[both, login_both], inner=[inner])
    client = client_of(app)
    response = await client.post("/login_both")
    offers = response.headers.get_list(REGISTRATION)
    assert len(offers) == 2
    keys = [DeviceKey(), DeviceKey()]
    ids = []
    for offer, key in zip(offers, keys, strict=True):
        path, challenge = offer.split('path="')[1].split('";challenge="')
        registered = await client.post(
            path, headers={PROOF: key.proof(challenge.rstrip('"'), registers=True)}
        )
        ids.append((path, registered.json()["session_identifier"]))
    assert sorted((await client.get("/both")).json()) == ["ada at inner", "ada at session"]
    clock.go(700)
    assert (await client.get("/both")).json() == [None, None]
    (path, identifier), key = ids[0], keys[0]
    asked = await client.post(path, headers={"Sec-Secure-Session-Id": identifier})
    challenge = asked.headers[CHALLENGE].partition(";")[0].strip('"')
    headers = {"Sec-Secure-Session-Id": identifier, PROOF: key.proof(challenge)}
    assert (await client.post(path, headers=headers)).status_code == 200
    assert sum(owner is not None for owner in (await client.get("/both")).json()) == 1
