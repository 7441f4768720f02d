"""BAD-1: whatever stands behind a valid seal, or in a store, it is a session or an anonymous request.

A Hono app may have written it, an older or newer version of this library, or somebody with the key.
"""

from __future__ import annotations

import json
import time
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, answer, key_of, own, site

from sessions import CookieStore, MemoryStore, Record, SessionEnded
from sessions._keys import KeyRing, Purpose
from sessions.iron import Sealer

pytestmark = [pytest.mark.anyio, pytest.mark.promise("BAD-1")]

SECRET_ID = "A" * 43


async def look(request: Request) -> Response:
    session = own(request)
    facts = [
        *(session.is_new, session.created_at, session.expires_at, session.id, session.key, session.owner),
        *(session.accessed, session.modified, session.authenticated_at),
    ]
    return answer([str(fact) for fact in facts] + [dict(session)])


async def change(request: Request) -> Response:
    session = own(request)
    for key in list(session):
        session.get(key)
    session["ours"] = [1]
    session.flash("our message", "Hello")
    session.increment("our count")
    session.touch()
    session.owner = "ada"
    try:
        await session.save()
        await session.refresh()
    except SessionEnded:  # there was a tombstone
        return answer()
    session["ours"].append(2)
    return answer()


async def log_in(request: Request) -> Response:
    own(request).rotate()
    own(request)["ours"] = 1
    return answer()


HANDLERS = (look, change, log_in)
VISITS = ("/untouched", "/look", "/change", "/look", "/log_in", "/look", "/destroy", "/look")


async def visit(app: Any, cookie: str) -> None:
    """Each of these requests with this cookie first, and then with what it leads to."""
    for begin in range(len(VISITS) - 1):
        browser = Browser(app)
        browser.plant(cookie)
        for url in VISITS[begin:]:
            reply = await browser.get(url)
            assert (reply.status, reply.error) == (200, None), f"{url} after {VISITS[begin:]}"


def in_a_cookie(plaintext: bytes) -> None:
    sealed = KeyRing(KEY).sealing(Purpose("session").of("content")).seal(plaintext)
    anyio.run(visit, site(*HANDLERS, store=CookieStore(), encryption_key=KEY, expire_after=60), sealed)


def as_an_id(plaintext: bytes) -> None:
    sealed = KeyRing(KEY).sealing(Purpose("session").of("sealed id")).seal(plaintext)
    anyio.run(visit, site(*HANDLERS, store=MemoryStore(), encryption_key=KEY), sealed)


def shared(plaintext: bytes, **options: Any) -> None:
    store = CookieStore(shared_with="hono-sessions")
    app = site(*HANDLERS, store=store, encryption_key=KEY, **options)
    anyio.run(visit, app, Sealer(KEY).seal(plaintext))


def in_a_store(record: Record, **options: Any) -> None:
    async def stored() -> None:
        for begin in range(len(VISITS) - 1):
            store = MemoryStore()
            app = site(*HANDLERS, store=store, **options)
            await store.create(key_of(SECRET_ID), record)
            browser = Browser(app)
            browser.plant(SECRET_ID)
            for url in VISITS[begin:]:
                reply = await browser.get(url)
                assert (reply.status, reply.error) == (200, None), f"{url} after {VISITS[begin:]}"

    anyio.run(stored)


def nested_line(depth: int) -> str:
    """A record's line, in which a value has so many levels."""
    return '{"data":{"a":' + "[" * depth + "]" * depth + "}}"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (nested_line(101), {"a"}),
        (nested_line(102), set()),
        (nested_line(500), set()),
        ('{"data":{"a":' + '{"b":' * 500 + "1" + "}" * 502, set()),
        ('{"data":{"a":"' + "[" * 500 + '"}}', {"a"}),
        ('{"data":{"a":"' + '\\"[' * 500 + '"}}', {"a"}),
        ('{"data":{"a":[' + ",".join(["[[1],{}]"] * 500) + "]}}", {"a"}),
    ],
    ids=[
        "allowed",
        "one more",
        "lists",
        "objects",
        "in a text",
        "in a text with quotes",
        "many side by side",
    ],
)
async def test_what_is_nested_deeper_than_may_be_set_is_an_anonymous_request(
    line: str, shown: set[str]
) -> None:
    """It could be read, and not be written from a deeper call stack: 500 at the first change."""

    async def names(request: Request) -> Response:
        return answer(sorted(own(request)))

    store = MemoryStore()
    await store.create(key_of(SECRET_ID), Record(line.encode(), time.time(), time.time() + 30, 1, None))
    browser = Browser(site(names, store=store))
    browser.plant(SECRET_ID)
    assert set((await browser.get("/names")).json()) == shown


# -- what JSON text may say --------------------------------------------------------------------------


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


ODD = [
    *("null", "true", "1", "-1", "0.5", "-0.0", "1e308", "1e999", "-1e400", "NaN", "Infinity", "01"),
    *("9" * 30, "9" * 400, "9" * 5000, "1e" + "9" * 30, "0." + "3" * 1000),
    *('""', '"x"', '"\\u0000"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ude00\\ud83d"'),
    *('"\\ud83d\\ud83d\\ude00"', '"\\ud83dx"', '"\\ud83d\\n"', '"\\udbff\\udfff"', '"\\ufffe"', '"\\x"'),
    *('"\x7f"', '"\x00"', '"\n"', '"\ud83d"', '"', "[", "]", "{", '{"a"}', "{}", "[]", "[1,2]", "[null]"),
    *('["a"]', '["a","a"]', '{"a":1}', '{"a":1,"a":2}', '{"":{"":{"":1}}}', '{"value":1,"flash":true}'),
    *('{"\\ud800":1}', '{"\\udfff":1}', '{"\ud83d":1}'),
    *(nested(depth) for depth in (50, 99, 101, 300, 500, 700, 900, 2000, 20_000)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (99, 500, 900, 2000)),
]
TIMES = [
    *('"2099-01-01T00:00:00.000Z"', '"2099-01-01T00:00:00+23:59"', '"2099-01-01T00:00:00"'),
    *('"0001-01-01T00:00:00.000Z"', '"0001-01-01T00:00:00+23:59"', '"0000-01-01T00:00:00Z"'),
    *('"9999-12-31T23:59:59.999Z"', '"9999-12-31T23:59:59.999-23:59"', '"9999-12-31T23:59:59.999+23:59"'),
    *('"+010000-01-01T00:00:00.000Z"', '"-000001-01-01T00:00:00.000Z"', '"+275760-09-13T00:00:00.000Z"'),
    *('"9999-12-31T23:59:30Z"', '"9999-12-01T00:00:00Z"'),
    *('"1969-12-31T23:59:59.999Z"', '"1970-01-01T00:00:00.000Z"', '"2099-01-01"', '"20990101T000000Z"'),
    *('"2099-W01-1T00:00:00Z"', '"2099-01-01T24:00Z"', '"2099-01-01T00:00:00+99:99"'),
    *("null", "0", '""', '"Infinity"', '"NaN"'),
]
KEYS = ['"a"', '"message"', '""', '"ours"', '"\\ud800"', '"\\udc00"', '"\\u0000"', '"__proto__"', "1", "null"]

TIME_FIELDS = ['"_expire"', '"_accessed"', '"_created"', '"_authenticated"']

odd = st.sampled_from(ODD)
times = st.sampled_from(TIMES) | odd


def an_object(keys: list[str], values: Any) -> Any:
    """JSON text of an object, perhaps with a key twice."""
    pairs = st.tuples(st.sampled_from(keys), values).map(":".join)
    return st.lists(pairs, max_size=4).map(lambda pairs: "{" + ",".join(pairs) + "}")


values_in_hono = st.builds(
    '{{"value":{},"flash":{}}}'.format, odd, st.sampled_from(["true", "false", "false", "null", "1"])
)
data_in_hono = an_object(KEYS, values_in_hono) | odd
hono_records = st.lists(
    st.tuples(st.just('"_data"'), data_in_hono).map(":".join)
    | st.tuples(st.sampled_from(TIME_FIELDS), times).map(":".join)
    | st.tuples(st.sampled_from(['"_delete"', '"_owner"', '"_x"']), odd).map(":".join),
    max_size=6,
).map(lambda fields: '{"_data":{},' + ",".join(fields or ['"a":1']) + "}")

lines = st.lists(
    st.tuples(st.just('"data"'), an_object(KEYS, odd) | odd).map(":".join)
    | st.tuples(st.just('"flash"'), odd | st.sampled_from(['["a"]', '["message","a","b"]'])).map(":".join)
    | st.tuples(
        st.just('"moved"'),
        odd | st.sampled_from(['{"key":"' + "0" * 64 + '","seed":"QUJD"}', '{"key":"\\u0000","seed":""}']),
    ).map(":".join)
    | st.tuples(st.sampled_from(['"owner"', '"authenticated_at"']), odd).map(":".join),
    max_size=4,
).map(lambda fields: "{" + ",".join(fields) + "}") | st.sampled_from(ODD)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# -- behind a seal -----------------------------------------------------------------------------------


def with_value(value: str, **fields: str) -> str:
    more = "".join(f',"_{name}":{text}' for name, text in fields.items())
    return f'{{"_data":{{"a":{{"value":{value},"flash":false}}}}{more}}}'


@pytest.mark.promise("SEAL-2")
@unhurried
@given(hono_records, st.sampled_from([{}, {"expire_after": 60}, {"absolute_timeout": 60}]))
@example(with_value('"\\ud83d"'), {})
@example(with_value('"\\ude00"'), {})
@example(with_value("1", expire='"9999-12-31T23:59:59.999-23:59"'), {"expire_after": 60})
@example(with_value("1", accessed='"9999-12-31T23:59:59.999Z"'), {"expire_after": 60})
@example(with_value("1", created='"0001-01-01T00:00:00.000Z"'), {})
@example(with_value("1", created='"+275760-09-13T00:00:00.000Z"'), {})
def test_a_record_of_a_hono_app(record: str, options: dict[str, Any]) -> None:
    shared(json.dumps(record).encode(), **options)


@pytest.mark.promise("SEAL-2")
@pytest.mark.parametrize("value", ODD)
def test_a_hono_app_stored_this_value(value: str) -> None:
    shared(json.dumps(with_value(value)).encode())
    shared(utf8('"' + with_value(value).replace("\\", "\\\\").replace('"', '\\"') + '"'))


@pytest.mark.promise("SEAL-2")
@pytest.mark.parametrize("field", ["expire", "accessed", "created", "authenticated", "owner", "delete"])
@pytest.mark.parametrize("value", [*TIMES, *ODD])
def test_a_hono_app_wrote_this_field(field: str, value: str) -> None:
    for options in ({"expire_after": 60}, {"absolute_timeout": 60}):
        shared(json.dumps(with_value("1", **{field: value})).encode(), **options)


NUMBERS = [
    *("", "0", "-1", "x", "1.5", "1e3", "nan", "inf", "253402300799000", "253402300800000"),
    *("9" * 30, "9" * 400, "9" * 5000),
    *(str(int((time.time() + seconds) * 1000)) for seconds in (-100, 0, 1000)),
]


@unhurried
@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), lines)
@example(
    NUMBERS[-2], NUMBERS[-1], NUMBERS[-2], '{"moved":{"key":"' + "0" * 64 + '","seed":"QUJD"},"data":{}}'
)
@example(
    NUMBERS[-2], NUMBERS[-1], NUMBERS[-2], '{"data":{},"moved":{"key":"' + "0" * 64 + '","seed":"QUJD"}}'
)
@example("9" * 400, "9" * 400, "9" * 400, '{"data":{"a":1}}')
@example("1e3", "9" * 20, NUMBERS[-1], '{"data":{"a":1}}')
@example("0", "-0", "1.0", "null")
def test_a_content_of_the_cookie_store(born: str, ends: str, made: str, line: str) -> None:
    in_a_cookie(utf8(f"[{born},{ends},{made},{line}]"))


def test_the_text_of_such_a_cookie_is_what_these_tests_think() -> None:
    """Else the tests above would find no session at all, and say nothing."""
    now = int(time.time() * 1000)
    carried = f'[{now},{now + 50_000},{now},{{"data":{{"a":1}}}}]'.encode()

    async def looked() -> None:
        browser = Browser(site(*HANDLERS, store=CookieStore(), encryption_key=KEY, expire_after=60))
        browser.plant(KeyRing(KEY).sealing(Purpose("session").of("content")).seal(carried))
        assert (await browser.get("/look")).json()[-1] == {"a": 1}

    anyio.run(looked)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff\xfe")
@example(b"\n\n")
def test_any_bytes(plaintext: bytes) -> None:
    in_a_cookie(plaintext)
    as_an_id(plaintext)
    shared(plaintext)


@pytest.mark.parametrize(
    "plaintext", [b"A" * 43, b"\xff" * 43, "é".encode() * 43, b'"' + b"A" * 43 + b'"', b""]
)
def test_an_id_that_is_none(plaintext: bytes) -> None:
    as_an_id(plaintext)


# -- in a store --------------------------------------------------------------------------------------

MOMENTS = [0.0, -1.0, -1e12, 1e9, 1e12, 1e300, float("inf"), float("-inf"), float("nan")]
TRAILS = ["", "\n", "\n;", "\n;;;", "\nabc", "\n" + "f" * 64 + ";" + "0" * 36, "\né;\x00", "\n" + ";" * 600]


@unhurried
@given(lines, st.sampled_from(TRAILS), st.sampled_from(MOMENTS), st.sampled_from([None, "ada", ""]))
@example('{"data":{},"moved":{"key":"' + "0" * 64 + '","seed":"QUJD"}}', "", 1e9, None)
@example('{"data":{"a":1}}', "", 1e300, None)
@example('{"data":{"a":1},"owner":"ada","authenticated_at":1e300}', "", 1e9, None)
@example('{"data":{"a":1}}', "", float("nan"), None)
def test_a_record_of_a_server_side_store(line: str, trail: str, born: float, owner: str | None) -> None:
    for options in ({}, {"expire_after": 60}, {"absolute_timeout": 60}):
        in_a_store(Record(utf8(line + trail), born, time.time() + 30, 1, owner), **options)


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b'{"data":', b'{"data":[]}', b'{"moved":{}}', b"null"])
async def test_the_list_of_a_users_sessions_shows_what_it_can_and_ends_it_all(payload: bytes) -> None:
    store = MemoryStore()
    await store.create("0" * 64, Record(payload, 1e300, time.time() + 1000, 1, "ada"))
    (session,) = await store.sessions_of("ada")
    assert (session.data, session.key, session.authenticated_at) == ({}, "0" * 64, None)
    assert await store.destroy_all("ada") == 1


async def test_a_record_that_becomes_unreadable_ends_the_session() -> None:
    """Another version of this library wrote it while the request was under way."""

    async def slow(request: Request) -> Response:
        session = own(request)
        session["a"] = 2
        key = session.key or ""
        kept = await store.load(key)
        assert kept
        await store.replace(key, Record(b"?", 0.0, kept.expires_at, 2), expected=1)
        return answer()

    store = MemoryStore()
    browser = Browser(site(slow, store=store))
    await browser.get("/write", a="1")
    reply = await browser.get("/slow")
    assert (reply.status, reply.error) == (200, None)
    assert (await browser.get("/read")).json() == {}
