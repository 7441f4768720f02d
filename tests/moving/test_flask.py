"""MOVE-1: cookies that Flask's own sessions have written."""

from __future__ import annotations

import uuid
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import flask
import itsdangerous
import pytest
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSessionInterface
from markupsafe import Markup
from support import Clock

from sessions.moving import FlaskCookie
from sessions.moving._content import MAX_UNPACKED

from .old_apps import SECRET, VALUES, browser_for, cookie_set, each_kind, is_adopted, is_refused, owner

pytestmark = [pytest.mark.anyio, pytest.mark.promise("MOVE-1")]

MOMENT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
UUID = uuid.UUID(int=7)


def cookie(values: dict[str, Any], message: str = "", **config: Any) -> str:
    """The cookie of a Flask app that keeps these values at its login."""
    app = flask.Flask("old")
    app.config.update(SECRET_KEY=SECRET, **config)

    @app.route("/login")
    def login() -> str:
        flask.session.update(values)
        if message:
            flask.flash(message)
        return ""

    return cookie_set(app.test_client().get("/login").headers.getlist("Set-Cookie"), "session")


@each_kind
async def test_a_session(kind: Callable[[], dict[str, Any]]) -> None:
    await is_adopted(browser_for(FlaskCookie(SECRET, owner=owner), **kind()), cookie(VALUES), "session")


async def test_one_that_flask_has_compressed() -> None:
    values = {**VALUES, "text": "long " * 200}
    value = cookie(values)
    assert value.startswith(".")
    await is_adopted(browser_for(FlaskCookie(SECRET)), value, "session", values)


TAGGED: dict[str, Any] = {
    "tuple": (1, (2,)),
    "bytes": b"\xff\x00",
    "markup": Markup("<b>bold</b>"),
    "uuid": UUID,
    "date": MOMENT,
    "like a tag": {" t": [1]},
    "nested": {"list": [{"uuid": UUID}, ("a",)]},
}


async def test_the_values_that_flask_tags_get_their_plain_json_form() -> None:
    plain = {
        "tuple": [1, [2]],
        "bytes": "/wA=",
        "markup": "<b>bold</b>",
        "uuid": str(UUID),
        "date": "2026-05-04T03:02:01+00:00",
        "like a tag": {" t": [1]},
        "nested": {"list": [{"uuid": str(UUID)}, ["a"]]},
    }
    await is_adopted(browser_for(FlaskCookie(SECRET)), cookie(TAGGED), "session", plain)


async def test_convert_gets_what_flasks_app_had() -> None:
    seen: dict[str, Any] = {}

    def convert(key: str, value: Any) -> Any:
        seen[key] = value
        return f"a {type(value).__name__}"

    browser = browser_for(FlaskCookie(SECRET, convert=convert))
    browser.plant(cookie(TAGGED))
    values = (await browser.get("/read")).json()
    assert values["date"] == "a datetime"
    assert values["tuple"] == [1, [2]]  # which is JSON
    assert seen == {key: TAGGED[key] for key in ("bytes", "uuid", "date", "nested")}


async def test_flash_messages_are_values_as_any_other() -> None:
    value = cookie({"_user_id": "7"}, message="Welcome!")
    browser = browser_for(FlaskCookie(SECRET, owner=lambda data: data.get("_user_id")))
    await is_adopted(browser, value, "session", {"_user_id": "7", "_flashes": [["message", "Welcome!"]]})


async def test_an_old_secret() -> None:
    value = cookie(VALUES)
    await is_adopted(browser_for(FlaskCookie(["a new one", SECRET])), value, "session")
    bytes_too = browser_for(FlaskCookie(SECRET.encode()))
    await is_adopted(bytes_too, value, "session")


async def test_what_flask_refuses_is_refused(clock: Clock) -> None:
    value = cookie(VALUES)
    await is_refused(browser_for(FlaskCookie("another secret")), value, "session")
    await is_refused(browser_for(FlaskCookie(SECRET)), value.swapcase(), "session")
    clock.go(31 * 24 * 60 * 60 + 1)
    await is_refused(browser_for(FlaskCookie(SECRET)), value, "session")


def signed(payload: bytes) -> str:
    """Signed as Flask's session, whatever it is."""
    serializer = SecureCookieSessionInterface()
    app = flask.Flask("old")
    app.config["SECRET_KEY"] = SECRET
    made = serializer.get_signing_serializer(app)
    assert made is not None
    signer = made.make_signer(made.salt)
    assert isinstance(signer, itsdangerous.TimestampSigner)
    return signer.sign(payload).decode()


def packed(text: bytes) -> bytes:
    return b"." + urlsafe_b64encode(zlib.compress(text, 9)).rstrip(b"=")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (packed(b'{"a":"' + b"a" * MAX_UNPACKED + b'"}'), "it becomes too large"),
        (packed(b"[" * 100_000), "it holds no JSON"),
        (packed(TaggedJSONSerializer().dumps(VALUES).encode())[:-8], "its end is missing"),
        (b".AAAA", "it is not compressed"),
        (b"%", "it holds no base64"),
        (urlsafe_b64encode(b'{" t":1}').rstrip(b"="), "no tagged JSON"),
        (urlsafe_b64encode(b'{"a":{" u":"no uuid"}}').rstrip(b"="), "no tagged JSON"),
        (urlsafe_b64encode(b'{"a":{" d":"no date"}}').rstrip(b"="), "no tagged JSON"),
        (urlsafe_b64encode(b'{" di":[]}').rstrip(b"="), "no tagged JSON"),
        (urlsafe_b64encode(b"\x80\x04]q\x00(NNe.").rstrip(b"="), "it holds no JSON"),
    ],
    ids=["a bomb", "deep", "cut off", "no zlib", "no base64", "t", "u", "d", "di", "a pickle"],
)
async def test_a_content_that_is_none(payload: bytes, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    await is_refused(browser_for(FlaskCookie(SECRET)), signed(payload), "session")
    assert reason in caplog.text


async def test_just_as_much_as_may_be_unpacked() -> None:
    text = b'{"a":"' + b"a" * (MAX_UNPACKED - 8) + b'"}'
    browser = browser_for(FlaskCookie(SECRET))
    browser.plant(signed(packed(text)))
    assert (await browser.get("/keys")).json() == []  # it is too large for the store, and says so
