"""BIND-1 and BIND-3: what thieves try. A thief has all of the browser's cookies, and not its key."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import anyio
import httpx
import pytest
from bound_support import (
    CHALLENGE,
    ENDPOINT,
    IDENTIFIER,
    PROOF,
    REGISTRATION,
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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from support import KEY, Clock, Gate, Watched, answer, own

from sessions import CookieOptions, DeviceBinding, MemoryStore, Store, get_session
from sessions._binding import Binding
from sessions._device import Device, new_device
from sessions._keys import Purpose
from sessions.testing import AsyncBoundBrowser, BoundBrowser
from sessions.testing.bound_browser import DeviceKey

pytestmark = [pytest.mark.anyio]

Reply = httpx.Response


async def owner_is_fine(browser: AsyncBoundBrowser, clock: Clock, owner: str = "ada") -> None:
    """The owner sees the session, now and after the end of the proof, with all it held."""
    for _ in range(2):
        found = (await browser.get("/who")).json()
        assert (found["owner"], found["bound"]) == (owner, True)
        assert found["data"]["secret"] == f"of {owner}"
        clock.go(700)


def gave_no_proof(response: Reply) -> bool:
    return 400 <= response.status_code < 500 and "set-cookie" not in response.headers


# -- cookies taken elsewhere -------------------------------------------------------------------------


@pytest.mark.promise("BIND-1")
async def test_stolen_cookies_are_good_for_minutes_and_never_after(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    thief = thief_of(app, browser)
    assert await seen(thief) == "ada"
    for seconds in (631, 3600, 40_000):
        clock.go(seconds)
        response = await thief.get("/who")
        assert response.json() == {
            "owner": None,
            "bound": False,
            "data": {},
            "proved_at": None,
            "expires_at": None,
        }
    await owner_is_fine(browser, clock)
    assert await seen(thief) is None


@pytest.mark.promise("BIND-1")
@pytest.mark.parametrize("without", ["session-device", "session-finder", "session"])
async def test_some_of_the_cookies_are_worth_less(without: str, store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    clock.go(60)
    taken = {name: value for name, value in cookies_of(browser).items() if name != without}
    thief = client_of(app, cookies=taken)
    assert await seen(thief) == ("ada" if without == "session-finder" else None)
    clock.go(700)
    assert await seen(thief) is None
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-1")
@pytest.mark.parametrize("name", ["session-finder", "session-device"])
async def test_the_other_cookies_are_no_session(name: str, store: Store) -> None:
    """SEC-1: each is good for its own name."""
    app = bound_site(store)
    browser = await bound_browser(app)
    value = cookies_of(browser)[name]
    for other in ("session", "session-guest"):
        assert await seen(client_of(app, cookies={other: value})) is None


@pytest.mark.promise("BIND-1")
async def test_a_bound_session_is_no_guests(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    taken = cookies_of(browser)["session"]
    clock.go(700)
    assert await seen(client_of(app, cookies={"session-guest": taken})) is None
    assert await seen(client_of(app, cookies={"session-guest": taken, "session": taken})) is None
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-1")
async def test_a_bound_cookie_cannot_be_made_or_stretched(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    taken = cookies_of(browser)
    moment, _, mac = taken["session-device"].partition(".")
    clock.go(700)
    later = str(int(moment) + 700)
    for forged in (
        f"{later}.{mac}",
        f"{later}.",
        f"{later}",
        f".{mac}",
        mac,
        f"{moment}.{mac}x",
        f"0{later}.{mac}",
        f"{later}.{'A' * 43}",
        f"{later}.{mac}".replace(".", "..", 1),
        "1" * 300,
    ):
        assert await seen(client_of(app, cookies={**taken, "session-device": forged})) is None
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-1")
async def test_a_bound_cookie_of_another_session_is_worth_nothing(store: Store, clock: Clock) -> None:
    """The thief has a bound session of his own, and puts its cookie beside the stolen one."""
    app = bound_site(store)
    browser = await bound_browser(app)
    own_browser = await bound_browser(app, "mallory")
    clock.go(700)
    await own_browser.get("/who")
    mine = cookies_of(own_browser)
    mixed = {**cookies_of(browser), "session-device": mine["session-device"]}
    assert await seen(client_of(app, cookies=mixed)) is None
    both = f"session={cookies_of(browser)['session']}; session-device={mine['session-device']}"
    assert await seen_with(app, f"{both}; session-device={mine['session-device']}x") is None
    await owner_is_fine(browser, clock)


async def seen_with(app: Any, header: str) -> Any:
    response = await client_of(app).get("/who", headers={"cookie": header})
    return response.json()["owner"]


@pytest.mark.promise("BIND-2", "SEC-2")
async def test_a_planted_bound_cookie_locks_nobody_out(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    clock.go(60)  # after the time in which requests without it may be on their way
    sent = "; ".join(f"{name}={value}" for name, value in cookies_of(browser).items())
    assert await seen_with(app, f"session-device=1.planted; {sent}") == "ada"
    assert await seen_with(app, f"{sent}; session-device=1.planted") == "ada"


@pytest.mark.promise("BIND-1")
async def test_a_bound_cookie_is_over_after_a_logout_and_a_login(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    old = thief_of(app, browser)
    await browser.get("/destroy")
    assert await seen(old) is None
    await browser.post("/login")
    clock.go(60)
    taken = {**cookies_of(browser), "session-device": cookies_of(old)["session-device"]}
    assert await seen(client_of(app, cookies=taken)) is None
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-1", "BIND-3")
async def test_the_bound_cookie_of_an_earlier_owner_proves_nothing(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app, "bob")
    (bobs,) = browser.bonds
    old = cookies_of(browser)["session-device"]
    await browser.post("/login", params={"user": "ada"})
    clock.go(60)
    taken = {**cookies_of(browser), "session-device": old}
    assert await seen(client_of(app, cookies=taken)) is None
    client: Any = browser.client
    assert (await renewal(client, bobs.id)).status_code == 401
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-1")
@pytest.mark.parametrize("token", ["quota_exceeded", "unreachable", "server_error", "x" * 9000, "\xff"])
async def test_to_say_that_the_proof_was_skipped_changes_nothing(token: str, clock: Clock) -> None:
    app = bound_site()
    browser = await bound_browser(app)
    thief = thief_of(app, browser)
    clock.go(700)
    headers = {b"secure-session-skipped": token.encode("latin-1") + b';session_identifier="x"'}
    response = await thief.get("/who", headers=headers)
    assert response.json()["owner"] is None
    refused = app.events[-1]
    assert (refused.kind, refused.owner) == ("refused", "ada")
    assert ("quota_exceeded" in refused.reason) == (token == "quota_exceeded")
    assert "xxx" not in refused.reason


@pytest.mark.promise("BIND-1")
async def test_plain_http_is_no_way_around_it(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    clock.go(700)
    thief = client_of(app, "http://app.example")
    header = "; ".join(f"{name}={value}" for name, value in cookies_of(browser).items())
    response = await thief.get("/who", headers={"cookie": header})
    assert response.json()["owner"] is None
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-1")
async def test_a_websocket_is_no_way_around_it(clock: Clock) -> None:
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json(get_session(websocket).owner)
        await websocket.close()

    app = bound_site(routes=[WebSocketRoute("/socket", socket)])
    with TestClient(app, base_url="https://testserver") as client:
        BoundBrowser(client).post("/login")
        clock.go(700)
        with client.websocket_connect("wss://testserver/socket") as websocket:
            assert websocket.receive_json() is None


@pytest.mark.promise("BIND-1")
async def test_an_id_that_was_replaced_a_moment_ago_changes_nothing_without_proof(
    store: Store, clock: Clock
) -> None:
    """Requests with it can increment what follows (ROT-2); those of a thief cannot."""
    app = bound_site(store)
    browser = await bound_browser(app)
    await browser.get("/increment", params={"key": "n"})
    clock.go(700)
    thief = thief_of(app, browser)
    await browser.get("/rotate")
    await thief.get("/increment", params={"key": "n"})
    await thief.get("/write", params={"secret": "changed"})
    found = (await browser.get("/who")).json()
    assert found["data"] == {"secret": "of ada", "n": 1}


@pytest.mark.promise("BIND-1")
async def test_an_older_seal_is_no_way_around_it(clock: Clock) -> None:
    store = MemoryStore()
    first = bound_site(store, encryption_key=KEY)
    browser = await bound_browser(first)
    clock.go(700)
    app = bound_site(store, encryption_key=["another key, with 32 characters or more", KEY])
    thief = thief_of(app, browser)
    response = await thief.get("/who")
    assert response.json()["owner"] is None
    assert "set-cookie" not in response.headers


@pytest.mark.promise("BIND-1")
async def test_two_cookies_of_the_name_are_no_way_around_it(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    clock.go(700)
    taken = cookies_of(browser)["session"]
    assert await seen_with(app, f"session={taken}; session=another") is None
    assert await seen_with(app, f"session=another; session={taken}") is None
    await owner_is_fine(browser, clock)


# -- proofs that are none ----------------------------------------------------------------------------


@pytest.mark.promise("BIND-1", "BIND-3")
async def test_a_renewal_with_a_foreign_key(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    thief, key = thief_of(app, browser), DeviceKey()
    clock.go(700)
    challenge = await challenge_of(thief, bond.id)
    for proof in (
        key.proof(challenge),
        key.proof(challenge, registers=True),  # a renewal takes no key
        key.proof(challenge, jwk=bond.key.jwk),
        f'"{key.proof(challenge)}"',
    ):
        response = await renewal(thief, bond.id, proof)
        assert gave_no_proof(response)
        assert CHALLENGE in response.headers
    assert await seen(thief) is None
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-1")
async def test_a_proof_cannot_be_shown_again_once_its_challenge_is_over(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    thief = thief_of(app, browser)
    overheard = bond.key.proof(await challenge_of(thief, bond.id))
    assert (await renewal(thief, bond.id, overheard)).status_code == 200
    clock.go(60)
    for _ in range(2):
        assert gave_no_proof(await renewal(thief, bond.id, overheard))
        clock.go(700)
    assert await seen(thief) is None
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-1")
async def test_a_challenge_from_the_future_is_none(clock: Clock) -> None:
    """Clocks of servers differ by a minute at most: no challenge can be kept for later."""
    app = bound_site()
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    client: Any = browser.client
    clock.go(200)
    challenge = await challenge_of(client, bond.id)
    clock.go(-59)
    assert (await renewal(client, bond.id, bond.key.proof(challenge))).status_code == 200
    clock.go(-60)
    assert gave_no_proof(await renewal(client, bond.id, bond.key.proof(challenge)))


@pytest.mark.promise("BIND-1", "BIND-3")
async def test_a_challenge_of_another_session(store: Store) -> None:
    app = bound_site(store)
    browser, other = await bound_browser(app), await bound_browser(app, "mallory")
    (bond,), (mine,) = browser.bonds, other.bonds
    client: Any = browser.client
    foreign: Any = other.client
    challenge = await challenge_of(foreign, mine.id)
    assert gave_no_proof(await renewal(client, bond.id, bond.key.proof(challenge)))
    assert gave_no_proof(await renewal(client, bond.id, mine.key.proof(challenge)))


@pytest.mark.promise("BIND-1", "BIND-3")
@pytest.mark.parametrize("other", [{"realm": "b"}, {"session_cookie_name": "other"}])
async def test_a_challenge_of_another_realm_or_cookie(other: dict[str, Any], clock: Clock) -> None:
    """Both have one store, and the thief has made the same record known to both."""
    store = MemoryStore()
    app, second = bound_site(store, realm="a"), bound_site(store, **{"realm": "a", **other})
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    finder = cookies_of(browser)["session-finder"]
    name = other.get("session_cookie_name", "session")
    thief = client_of(second, cookies={f"{name}-finder": finder})
    challenge = await challenge_of(thief, bond.id)
    client: Any = browser.client
    assert gave_no_proof(await renewal(client, bond.id, bond.key.proof(challenge)))
    assert (await renewal(thief, bond.id, bond.key.proof(challenge))).status_code == 200
    made = cookies_of(thief)[f"{name}-device"]
    clock.go(60)
    taken = {"session": cookies_of(browser)["session"], "session-device": made}
    assert await seen(client_of(app, cookies=taken)) is None


@pytest.mark.promise("BIND-1")
async def test_the_texts_are_good_for_their_own_use_alone(store: Store) -> None:
    """A challenge is no bound cookie, a bound cookie no challenge, an invitation neither."""
    app = bound_site(store)
    client, key = client_of(app), DeviceKey()
    invitation = invited(await client.post("/login"))
    registered = await registration(client, key.proof(invitation, registers=True))
    identifier = registered.json()["session_identifier"]
    challenge, cookie = await challenge_of(client, identifier), cookies_of(client)["session-device"]
    for text in (cookie, invitation, invitation.partition(".")[2]):
        assert gave_no_proof(await renewal(client, identifier, key.proof(text)))
    session_key = invitation.partition(".")[0]
    other = client_of(app)
    await other.post("/login")
    for text in (challenge, f"{session_key}.{challenge}", f"{session_key}.{cookie}"):
        assert gave_no_proof(await registration(other, DeviceKey().proof(text, registers=True)))


@pytest.mark.promise("BIND-1", "BIND-3")
async def test_swapped_sessions(store: Store, clock: Clock) -> None:
    """The identifier of one, the finder of the other."""
    app = bound_site(store)
    browser, other = await bound_browser(app), await bound_browser(app, "mallory")
    (bond,), (mine,) = browser.bonds, other.bonds
    clock.go(700)
    for cookies, identifier in (
        (cookies_of(browser), mine.id),
        (cookies_of(other), bond.id),
        ({**cookies_of(other), "session": cookies_of(browser)["session"]}, mine.id),
    ):
        thief = client_of(app, cookies=cookies)
        response = await renewal(thief, identifier)
        if response.status_code == 403:
            challenge = response.headers[CHALLENGE].partition(";")[0].strip('"')
            response = await renewal(thief, identifier, mine.key.proof(challenge))
        assert await seen(thief) != "ada"
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-1")
@pytest.mark.parametrize("field", [{"alg": name} for name in ("none", "HS256", "RS256", "es256", "ES384")])
async def test_another_algorithm(field: dict[str, Any]) -> None:
    app = bound_site()
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    client: Any = browser.client
    challenge = await challenge_of(client, bond.id)
    assert gave_no_proof(await renewal(client, bond.id, bond.key.proof(challenge, **field)))
    other = client_of(app)
    invitation = invited(await other.post("/login"))
    assert gave_no_proof(await registration(other, DeviceKey().proof(invitation, registers=True, **field)))


@pytest.mark.promise("BIND-1")
@pytest.mark.parametrize(
    "field", [{"typ": "JWT"}, {"typ": "dpop+jwt"}, {"typ": None}, {"crit": ["exp"]}, {"crit": []}]
)
async def test_another_kind_of_jwt(field: dict[str, Any]) -> None:
    app = bound_site()
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    client: Any = browser.client
    challenge = await challenge_of(client, bond.id)
    assert gave_no_proof(await renewal(client, bond.id, bond.key.proof(challenge, **field)))


@pytest.mark.promise("BIND-1")
async def test_a_damaged_jwt(clock: Clock) -> None:
    app = bound_site()
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    client: Any = browser.client
    whole = bond.key.proof(await challenge_of(client, bond.id))
    head, claims, signature = whole.split(".")
    numbers = urlsafe_b64decode(signature + "==")
    longer = urlsafe_b64encode(numbers[:32] + b"\0" + numbers[32:]).decode().rstrip("=")
    deep = bond.key.signed(b'{"alg":"ES256","typ":"dbsc+jwt","x":' + b"[" * 1400, b"{}")
    for damaged in (
        "",
        ".",
        "..",
        head,
        f"{head}.{claims}",
        f"{head}.{claims}.",
        f"{whole}.{signature}",
        f"{head}.{claims}.{signature[:-1]}",  # shorter
        f"{head}.{claims}.{signature}AA",  # longer
        f"{head}.{claims}.{longer}",  # the same numbers, and a zero between them
        f"{head}.{claims}.{signature}==",  # padded
        f"{head}.{claims}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}",  # the same bytes, written otherwise
        f"{head}.{claims}.{'A' * 86}",  # r and s are zero
        f"{head}.{claims}.{'_' * 85}w",  # r and s are too large
        f"{head}.{signature}.{claims}",
        f"{head} .{claims}.{signature}",
        f"{whole}{'A' * 5000}",
        deep,
    ):
        response = await renewal(client, bond.id, damaged)
        assert gave_no_proof(response), damaged
        assert response.status_code == 403
    assert (await renewal(client, bond.id, whole)).status_code == 200


@pytest.mark.promise("BIND-1")
async def test_a_jwt_that_is_too_large(clock: Clock) -> None:
    """Signed by the right key: what a client sends has a bound."""
    app = bound_site()
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    client: Any = browser.client
    challenge = await challenge_of(client, bond.id)
    assert gave_no_proof(await renewal(client, bond.id, bond.key.proof(challenge, x="x" * 3000)))
    assert (await renewal(client, bond.id, bond.key.proof(challenge, x="x" * 300))).status_code == 200


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode()))
async def test_any_bytes_in_place_of_a_proof(data: bytes) -> None:
    app = bound_site()
    headers = [(b"host", b"app.example"), (PROOF.encode(), data)]
    for more in ([], [(IDENTIFIER.encode(), data)]):
        assert 400 <= await status(app, [*headers, *more]) < 500


async def status(app: Any, headers: list[tuple[bytes, bytes]]) -> int:
    """Of a request to the endpoint with any bytes in its headers, which a client would not send."""
    statuses: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {"type": "http", "method": "POST", "path": ENDPOINT, "headers": headers, "scheme": "https"}
    await app({**scope, "query_string": b"", "root_path": ""}, receive, send)
    return statuses[0]


@pytest.mark.promise("BIND-1")
@pytest.mark.parametrize("name", [PROOF, IDENTIFIER])
async def test_a_header_that_comes_twice(name: str) -> None:
    app = bound_site()
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    client: Any = browser.client
    proof = bond.key.proof(await challenge_of(client, bond.id))
    twice = {PROOF: proof, IDENTIFIER: bond.id}[name]
    headers = [(IDENTIFIER, bond.id), (PROOF, proof), (name, twice)]
    assert gave_no_proof(await client.post(ENDPOINT, headers=headers))


@pytest.mark.promise("BIND-1")
async def test_endless_refusals_cost_the_owner_nothing(clock: Clock) -> None:
    store = Watched()
    app = bound_site(store)
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    thief, key = thief_of(app, browser), DeviceKey()
    clock.go(700)
    writes = store.writes
    for _ in range(50):
        challenge = await challenge_of(thief, bond.id)
        assert gave_no_proof(await renewal(thief, bond.id, key.proof(challenge)))
    assert store.writes == writes
    await owner_is_fine(browser, clock)


BINDING = Binding(DeviceBinding(), Purpose("session"), CookieOptions(), ())
DEVICE = new_device()
SCOPE: dict[str, Any] = {"type": "http", "root_path": "", "headers": []}
NOW = 1_800_000_000.0


def uses(binding: Binding, device: Device, text: str) -> list[str]:
    """What the text is good for."""
    good = []
    if binding.is_challenge(text, device, NOW):
        good.append("challenge")
    if binding.is_invitation(f"{'0' * 64}.{text}", device, NOW):
        good.append("invitation")
    headers = [(b"cookie", b"session-device=" + text.encode("latin-1", "replace"))]
    if binding.proved_at({**SCOPE, "headers": headers}, device, NOW):
        good.append("bound cookie")
    return good


CHALLENGE_TEXT = BINDING.challenge(DEVICE, NOW)
INVITATION_TEXT = BINDING.invitation(SCOPE, "0" * 64, DEVICE, NOW)[1].decode()[-len(CHALLENGE_TEXT) - 1 : -1]
COOKIE_TEXT = BINDING.bound_cookie(SCOPE, DEVICE, NOW)[0].decode().partition(";")[0].partition("=")[2]
TEXTS = {CHALLENGE_TEXT: "challenge", INVITATION_TEXT: "invitation", COOKIE_TEXT: "bound cookie"}


@pytest.mark.promise("BIND-1", "BIND-3")
@given(
    st.sampled_from(sorted(TEXTS)),
    st.integers(0, 60),
    # Not what ends a cookie's value, and is no part of it.
    st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_characters=";"), max_size=3),
    st.integers(0, 4),
)
def test_no_text_that_was_changed_is_good_for_anything(text: str, place: int, put: str, removed: int) -> None:
    assert uses(BINDING, DEVICE, text) == [TEXTS[text]]
    changed = text[:place] + put + text[place + removed :]
    if changed != text:
        assert uses(BINDING, DEVICE, changed) == []


@pytest.mark.promise("BIND-1", "BIND-3", "SEC-1")
@given(st.text(max_size=5), st.sampled_from(["session", "id", "session-device"]), st.booleans())
def test_a_text_is_good_for_one_realm_one_cookie_and_one_device(
    realm: str, name: str, same_device: bool
) -> None:
    other = Binding(DeviceBinding(), Purpose(name, realm), CookieOptions(), ())
    device = DEVICE if same_device else new_device()
    expected = same_device and (realm, name) == ("", "session")
    for text, use in TEXTS.items():
        assert uses(other, device, text) == ([use] if expected else [])


# -- to bind, rebind, unbind -------------------------------------------------------------------------


@pytest.mark.promise("BIND-3")
async def test_a_thief_who_registers_after_the_owner(store: Store, clock: Clock) -> None:
    """He has overheard the invitation, too."""
    app = bound_site(store)
    client, key = client_of(app), DeviceKey()
    invitation = invited(await client.post("/login"))
    first = await registration(client, key.proof(invitation, registers=True))
    thief = client_of(app, cookies=cookies_of(client))
    response = await registration(thief, DeviceKey().proof(invitation, registers=True))
    assert gave_no_proof(response)
    clock.go(700)
    assert await seen(thief) is None
    identifier = first.json()["session_identifier"]
    proof = key.proof(await challenge_of(client, identifier))
    assert (await renewal(client, identifier, proof)).status_code == 200
    assert await seen(client) == "ada"


@pytest.mark.promise("BIND-3")
async def test_a_thief_with_the_invitation_who_is_faster_has_no_session_by_it(store: Store) -> None:
    """He can only end the owner's: whoever overhears a login's response has its session cookie as well."""
    app = bound_site(store)
    browser = client_of(app)
    invitation = invited(await browser.post("/login"))
    thief = client_of(app)
    await registration(thief, DeviceKey().proof(invitation, registers=True))
    assert await seen(thief) is None
    late = await registration(browser, DeviceKey().proof(invitation, registers=True))
    assert gave_no_proof(late)


@pytest.mark.promise("BIND-3")
async def test_a_thief_without_the_invitation_cannot_register(store: Store, clock: Clock) -> None:
    """He has the cookies of a session whose browser cannot bind it, or has not done so yet."""
    app = bound_site(store)
    client = client_of(app)
    invitation = invited(await client.post("/login"))
    session_key, moment, mac = invitation.split(".")
    thief, key = client_of(app, cookies=cookies_of(client)), DeviceKey()
    (session,) = await store.sessions_of("ada")
    mine = invited(await client_of(app).post("/login", params={"user": "mallory"}))
    for challenge in (
        "",
        session.key,
        f"{session_key}.{moment}.",
        f"{session_key}.{int(moment) + 1}.{mac}",
        f"{session_key}.{mine.partition('.')[2]}",
        f"{'0' * 64}.{moment}.{mac}",
        f"{session_key[:63]}.{moment}.{mac}",
        f"{session_key}\n.{moment}.{mac}",
    ):
        assert gave_no_proof(await registration(thief, key.proof(challenge, registers=True)))
    for path in ("/rotate", "/write?a=1", "/touch"):
        assert REGISTRATION not in (await thief.get(path)).headers
    assert not (await store.sessions_of("ada"))[0].is_device_bound


@pytest.mark.promise("BIND-3")
async def test_an_invitation_is_over_after_minutes(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    client = client_of(app)
    invitation = invited(await client.post("/login"))
    clock.go(300)
    assert gave_no_proof(await registration(client, DeviceKey().proof(invitation, registers=True)))
    assert (await client.get("/who")).json()["bound"] is False


@pytest.mark.promise("BIND-3")
async def test_an_invitation_is_over_with_its_owner(store: Store) -> None:
    app = bound_site(store)
    client = client_of(app)
    invitation = invited(await client.post("/login", params={"user": "mallory"}))
    await client.post("/login", params={"user": "ada"})
    assert gave_no_proof(await registration(client, DeviceKey().proof(invitation, registers=True)))
    assert (await client.get("/who")).json() == {
        "owner": "ada",
        "bound": False,
        "data": {"secret": "of ada"},
        "proved_at": None,
        "expires_at": None,
    }


@pytest.mark.promise("BIND-3")
async def test_a_key_is_proved_when_it_is_registered(store: Store) -> None:
    app = bound_site(store)
    client, key = client_of(app), DeviceKey()
    invitation = invited(await client.post("/login"))
    foreign = DeviceKey().proof(invitation, jwk=key.jwk)
    assert gave_no_proof(await registration(client, foreign))
    assert (await client.get("/who")).json()["bound"] is False


@pytest.mark.promise("BIND-3")
@pytest.mark.parametrize(
    "wrong",
    [
        {"x": "A" * 43, "y": "A" * 43},  # no point of the curve
        {"x": "A" * 42 + "E", "y": "A" * 42 + "E"},
        {"x": "A" * 42},
        {"x": "A" * 44},
        {"x": ""},
        {"x": 7},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"kty": "RSA"},
        {"kty": "oct"},
    ],
)
async def test_a_key_that_is_none(wrong: dict[str, Any]) -> None:
    app = bound_site()
    client, key = client_of(app), DeviceKey()
    invitation = invited(await client.post("/login"))
    point = urlsafe_b64decode(key.jwk["x"] + "=") + urlsafe_b64decode(key.jwk["y"] + "=")
    halves = (urlsafe_b64encode(half).decode().rstrip("=") for half in (point[:31], point[31:]))
    shifted = {**key.jwk, **dict(zip("xy", halves, strict=True))}  # the same bytes, cut at another place
    for jwk in ({**key.jwk, **wrong}, shifted, list(wrong), None, "text"):
        assert gave_no_proof(await registration(client, key.proof(invitation, jwk=jwk)))
    assert (await client.get("/who")).json()["bound"] is False


@pytest.mark.promise("BIND-3")
async def test_a_thief_who_gives_the_session_a_new_id(store: Store, clock: Clock) -> None:
    """In the minutes that the cookies are good for. He gets no key in; the session ends with its proof."""
    app = bound_site(store)
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    thief = thief_of(app, browser)
    response = await thief.get("/rotate")
    assert REGISTRATION not in response.headers
    assert await seen(thief) == "ada"
    clock.go(700)
    assert await seen(thief) is None
    assert gave_no_proof(await renewal(thief, bond.id, DeviceKey().proof(await challenge_of(thief, bond.id))))
    # The owner's browser has the id from before: to it the session is over, and it logs in again.
    assert await seen(browser) is None
    await browser.post("/login")
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-2", "BIND-3")
async def test_the_owner_renews_beside_a_thief_who_gives_the_session_a_new_id(
    store: Store, clock: Clock
) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    await thief_of(app, browser).get("/rotate")
    await browser.renew()
    assert len(browser.bonds) == 1  # within a minute its renewal follows the session


@pytest.mark.promise("BIND-3")
async def test_a_thief_who_proves_again_who_he_is(store: Store, clock: Clock) -> None:
    """Even if he knows the password: a bound session is bound to its device."""
    app = bound_site(store)
    browser = await bound_browser(app)
    thief = AsyncBoundBrowser(thief_of(app, browser))
    for path in ("/reauthenticate", "/login?user=ada"):
        response = await thief.post(path)
        assert REGISTRATION not in response.headers
    assert thief.bonds == []
    clock.go(700)
    assert await seen(thief) is None


@pytest.mark.promise("BIND-3")
async def test_a_thief_who_logs_in_has_a_session_of_his_own(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    thief = AsyncBoundBrowser(thief_of(app, browser))
    clock.go(700)
    await thief.post("/login", params={"user": "mallory"})
    assert (await thief.get("/who")).json()["data"] == {"secret": "of mallory"}
    await owner_is_fine(browser, clock)
    assert await seen(thief) == "mallory"


@pytest.mark.promise("BIND-3")
async def test_a_thief_who_logs_in_within_the_minutes_takes_nothing_along(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    await browser.get("/write", params={"private": "yes"})
    thief = AsyncBoundBrowser(thief_of(app, browser))
    await thief.post("/login", params={"user": "mallory"})
    assert (await thief.get("/who")).json()["data"] == {"secret": "of mallory"}
    client: Any = browser.client
    assert gave_no_proof(await renewal(client, bond.id, bond.key.proof("x")))
    assert await seen(browser) is None  # it has ended, and is not the thief's


@pytest.mark.promise("BIND-3")
async def test_a_thief_who_logs_out_ends_the_session(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    await thief_of(app, browser).get("/destroy")
    assert await seen(browser) is None
    assert await store.sessions_of("ada") == []
    await browser.post("/login")
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-1", "BIND-3")
async def test_a_thief_who_logs_out_without_proof_ends_nothing(store: Store, clock: Clock) -> None:
    app = bound_site(store)
    browser = await bound_browser(app)
    clock.go(700)
    thief = thief_of(app, browser)
    for path in ("/destroy", "/logout"):
        await thief.get(path)
    await owner_is_fine(browser, clock)


@pytest.mark.promise("BIND-3")
async def test_a_registration_beside_one_with_another_key(store: Store) -> None:
    app = bound_site(store)
    client = client_of(app)
    invitation = invited(await client.post("/login"))
    replies: list[int] = []

    async def register() -> None:
        proof = DeviceKey().proof(invitation, registers=True)
        replies.append((await registration(client_of(app), proof)).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(register)
    assert sorted(replies) == [200, 409, 409, 409, 409]
    assert kinds(app).count("bound") == 1


@pytest.mark.promise("BIND-3")
async def test_a_slow_request_cannot_bring_an_unbound_session_back(store: Store, clock: Clock) -> None:
    """It has read the session before the registration, and proves who its user is after that."""
    gate = Gate()

    async def late(request: Any) -> Any:
        own(request).reauthenticate()
        own(request)["late"] = True
        await gate.wait()
        return answer()

    app = bound_site(store, handlers=[late])
    client, key = client_of(app), DeviceKey()
    invitation = invited(await client.post("/login"))
    thief, registered = AsyncBoundBrowser(client_of(app, cookies=cookies_of(client))), httpx.Response(500)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(thief.get, "/late")
        await gate.arrival()
        registered = await registration(client, key.proof(invitation, registers=True))
        gate.open()
    assert thief.bonds == []
    clock.go(700)
    assert await seen(thief) is None
    assert len(await store.sessions_of("ada")) == 1
    assert registered.status_code == 200


@pytest.mark.promise("BIND-3")
async def test_a_session_that_another_library_began_is_asked_too(clock: Clock) -> None:
    """An old cookie leads to the session that moved in, for a minute after its id has changed (MOVE-1)."""
    pytest.importorskip("itsdangerous")
    from itsdangerous import TimestampSigner  # noqa: PLC0415

    from sessions.moving import StarletteCookie  # noqa: PLC0415

    app = bound_site(adopt=[StarletteCookie(KEY)])
    old = TimestampSigner(KEY).sign(b64encode(b'{"n": 1}')).decode()
    browser = browser_of(app)
    client: Any = browser.client
    client.cookies.set("session", old, domain="app.example")
    await browser.post("/login")
    assert len(browser.bonds) == 1
    clock.go(30)
    thief = client_of(app, cookies={"session": old})
    await thief.get("/increment", params={"key": "n"})
    assert (await browser.get("/who")).json()["data"]["n"] == 1


# -- nothing secret shows ----------------------------------------------------------------------------


@pytest.mark.promise("SEC-5")
async def test_no_log_line_and_no_event_shows_a_proof_or_a_secret(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    caplog.set_level("DEBUG")
    app = bound_site()
    browser = await bound_browser(app)
    (bond,) = browser.bonds
    thief = thief_of(app, browser)
    clock.go(700)
    await seen(thief)
    proof = DeviceKey().proof(await challenge_of(thief, bond.id))
    await renewal(thief, bond.id, proof)
    await registration(thief, proof)
    shown = caplog.text + repr(app.events) + " ".join(str(event.reason) for event in app.events)
    taken = cookies_of(browser)
    for secret in (taken["session"], taken["session-device"], proof, bond.id):
        assert secret not in shown
