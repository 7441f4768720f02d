"""OBJ: the session as a handler holds it."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, Watched, answer, new_session, own, site

from sessions import Session, Store
from sessions._json import MAX_DEPTH, decode, encode
from sessions._record import Content, unpack


@pytest.fixture
def session() -> Session:
    return new_session()


# -- OBJ-1 -------------------------------------------------------------------------------------------


@pytest.mark.promise("OBJ-1")
class TestMapping:
    def test_it_is_a_dict(self, session: Session) -> None:
        assert isinstance(session, dict)
        assert isinstance(session, MutableMapping)

    def test_values_go_in_and_come_out(self, session: Session) -> None:
        session["a"] = 1
        assert session["a"] == 1
        assert "a" in session
        assert len(session) == 1
        assert bool(session)
        assert list(session) == ["a"]
        assert list(session.values()) == [1]
        assert list(session.items()) == [("a", 1)]
        assert session == {"a": 1}
        assert session != {"a": 2}
        assert {**session} == {"a": 1}
        del session["a"]
        assert not session

    def test_a_missing_key_is_a_key_error(self, session: Session) -> None:
        with pytest.raises(KeyError):
            session["a"]
        with pytest.raises(KeyError):
            del session["a"]
        with pytest.raises(KeyError):
            session.pop("a")
        with pytest.raises(KeyError):
            session.popitem()
        assert session.pop("a", 7) == 7

    def test_update_takes_what_every_mapping_takes(self, session: Session) -> None:
        session.update({"a": 1})
        session.update([("b", 2)])
        session.update(c=3)
        session.update({"d": 4}, e=5)
        assert session == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}

    def test_setdefault_sets_only_once_and_its_value_is_alive(self, session: Session) -> None:
        session.setdefault("cart", []).append("bread")
        session.setdefault("cart", []).append("milk")
        assert session["cart"] == ["bread", "milk"]

    def test_pop_popitem_and_clear_remove(self, session: Session) -> None:
        session.update({"a": 1, "b": 2, "c": 3})
        assert session.pop("a") == 1
        key, value = session.popitem()
        assert session == {name: number for name, number in {"b": 2, "c": 3}.items() if name != key}
        assert value == {"b": 2, "c": 3}[key]
        session.clear()
        assert session == {}

    def test_a_flash_value_can_be_popped(self, session: Session) -> None:
        session.flash("message", "hello")
        assert session.pop("message") == "hello"
        assert session.pop("message", None) is None
        session.flash("message", "again")
        assert session.popitem() == ("message", "again")
        assert session == {}

    def test_two_sessions_of_the_same_values_are_equal_as_dicts_are(self, session: Session) -> None:
        assert session == new_session()
        session["a"] = 1
        assert session != new_session()

    def test_keys_of_every_kind_of_string_are_strings(self, session: Session) -> None:
        class Name(str, Enum):  # noqa: UP042 (whose str() is another than its value)
            CART = "cart"

        class Other(StrEnum):
            USER = "user"

        session[Name.CART] = 1
        session[Other.USER] = 2
        assert session["cart"] == session[Name.CART] == 1
        session.increment(Name.CART)
        session.update(Other.USER, lambda number: number + 1)
        assert session == {"cart": 2, "user": 3}
        assert {type(key) for key in session} == {str}


# -- OBJ-2 -------------------------------------------------------------------------------------------


@pytest.mark.promise("OBJ-2")
class TestVerbs:
    def test_set_get_forget(self, session: Session) -> None:
        session.set("a", 1)
        assert session.get("a") == 1
        assert session.get("b") is None
        assert session.get("b", 7) == 7
        session.forget("a")
        session.forget("a")
        assert session == {}

    def test_increment_counts_a_missing_number_as_zero(self, session: Session) -> None:
        assert session.increment("n") == 1
        assert session.increment("n", 4) == 5
        assert session.increment("n", -0.5) == 4.5
        assert session["n"] == 4.5

    @pytest.mark.parametrize("value", ["1", None, [1], True])
    def test_increment_of_what_is_no_number_is_a_type_error(self, session: Session, value: Any) -> None:
        session["n"] = value
        if value is None:
            assert session.increment("n") == 1  # as if it were missing
            return
        with pytest.raises(TypeError, match=r"session\['n'\] is not a number"):
            session.increment("n")
        assert session["n"] == value

    @pytest.mark.parametrize("by", ["1", None, True])
    def test_increment_by_what_is_no_number_is_a_type_error(self, session: Session, by: Any) -> None:
        with pytest.raises(TypeError, match="increment by a number"):
            session.increment("n", by)
        assert session == {}

    def test_increment_beyond_all_numbers_is_a_type_error(self, session: Session) -> None:
        session["n"] = 1e308
        with pytest.raises(TypeError, match="'n'"):
            session.increment("n", 1e308)
        assert session["n"] == 1e308

    def test_update_gives_the_value_and_takes_the_next(self, session: Session) -> None:
        seen = []

        def append(value: list[int] | None) -> list[int]:
            seen.append(value)
            return [*(value or []), 1]

        assert session.update("list", append) == [1]
        assert session.update("list", append) == [1, 1]
        assert seen == [None, [1]]

    def test_what_update_returns_is_alive(self, session: Session) -> None:
        session.update("list", lambda _: [1]).append(2)
        assert session["list"] == [1, 2]

    def test_a_function_that_raises_leaves_the_value_as_it_was(self, session: Session) -> None:
        session["list"] = [1]

        def half_way(value: list[int]) -> list[int]:
            value.append(2)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            session.update("list", half_way)
        assert session["list"] == [1]

    def test_a_function_that_returns_no_json_leaves_the_value_as_it_was(self, session: Session) -> None:
        session["list"] = [1]

        def spoil(value: list[Any]) -> list[Any]:
            value.append(object())
            return value

        with pytest.raises(TypeError, match="'list'"):
            session.update("list", spoil)
        assert session["list"] == [1]

    def test_a_flash_that_is_set_is_a_value_from_then_on(self, session: Session) -> None:
        for value in (2, "two", [2]):
            session.flash("n", 1)
            session["n"] = value
            assert not session.is_flash("n")

    def test_a_flash_that_is_updated_is_a_value_from_then_on(self, session: Session) -> None:
        session.flash("n", 1)
        session.increment("n")
        assert not session.is_flash("n")
        assert session["n"] == session["n"] == 2

    def test_facts_cannot_be_set(self, session: Session) -> None:
        for name in ("is_new", "created_at", "expires_at", "id"):
            with pytest.raises(AttributeError):
                setattr(session, name, None)

    def test_an_owner_is_a_string_or_a_number(self, session: Session) -> None:
        session.owner = 7
        assert session.owner == "7"
        session.owner = "ada"
        assert session.owner == "ada"
        session.owner = None
        assert session.owner is None
        for wrong in (True, 1.5, b"ada", ["ada"], "\ud800"):
            with pytest.raises(TypeError, match="owner"):
                session.owner = wrong  # type: ignore[assignment]

    @pytest.mark.promise("OBJ-3")
    def test_an_owner_that_a_database_cannot_keep_is_refused_when_it_is_set(self, session: Session) -> None:
        for wrong in ("a\0b", "x" * 10_001, 10**5_000, -(10**5_000)):
            with pytest.raises(ValueError, match="owner") as caught:
                session.owner = wrong
            assert "xxx" not in str(caught.value)
        assert session.owner is None
        assert not session.modified

    def test_an_owner_that_is_a_member_of_an_enum_is_its_value(self, session: Session) -> None:
        class Name(str, Enum):  # noqa: UP042
            ADA = "ada"

        class Number(IntEnum):
            SEVEN = 7

        session.owner = Name.ADA
        assert (session.owner, type(session.owner)) == ("ada", str)
        session.owner = Number.SEVEN
        assert session.owner == "7"

    @pytest.mark.promise("OBJ-3")
    @pytest.mark.parametrize("number", [10**4_300, -(10**4_300), 10**5_000], ids=["high", "low", "5001"])
    def test_a_number_of_too_many_digits_is_refused_when_it_is_set(
        self, session: Session, number: int
    ) -> None:
        session["n"], session["list"] = 1, [1]
        changes: list[Callable[[], Any]] = [
            lambda: session.update(n=number),
            lambda: session.__setitem__("n", number),  # in place of a number, and of none
            lambda: session.__setitem__("new", number),
            lambda: session.set("nested", {"a": [number]}),
            lambda: session.setdefault("new", number),
            lambda: session.flash("new", number),
            lambda: session.increment("n", number),
            lambda: session.update("n", lambda _: number),
            lambda: session.__ior__({"n": number}),
        ]
        for change in changes:
            with pytest.raises(TypeError, match="digits"):
                change()
        assert session == {"n": 1, "list": [1]}

    def test_the_largest_numbers_come_back(self, session: Session) -> None:
        for number in (2**63, 2**64, -(2**64), 10**4_299, 1 - 10**4_299):
            session["n"] = number
            assert decode(encode(dict(session)))["n"] == number

    def test_a_lifetime_of_more_digits_than_a_float_has(self, session: Session) -> None:
        with pytest.raises(ValueError, match="expire_after"):
            session.set_lifetime(10**400)


@pytest.mark.anyio
@pytest.mark.promise("OBJ-2")
async def test_the_facts_of_a_session(store: Store) -> None:
    facts: list[tuple[bool, dt.datetime | None, dt.datetime | None]] = []

    async def note(request: Request) -> Response:
        session = own(request)
        facts.append((session.is_new, session.created_at, session.expires_at))
        session["a"] = 1
        await session.save()
        facts.append((session.is_new, session.created_at, session.expires_at))
        return answer()

    browser = Browser(site(note, store=store, expire_after=dt.timedelta(hours=1)))
    before = dt.datetime.now(dt.UTC)
    await browser.get("/note")
    await browser.get("/note")
    after = dt.datetime.now(dt.UTC)
    anonymous, born, later, _ = facts
    assert anonymous == (True, None, None)
    assert born[0]
    assert born[1] is not None
    assert born[2] is not None
    assert before <= born[1] <= after
    assert born[2] - born[1] == dt.timedelta(hours=1)
    assert later == (False, born[1], born[2])


@pytest.mark.anyio
@pytest.mark.promise("OBJ-2")
async def test_without_timeouts_no_end_is_told() -> None:
    async def end(request: Request) -> Response:
        return answer(own(request).expires_at)

    browser = Browser(site(end))
    await browser.get("/write", a="1")
    assert (await browser.get("/end")).json() is None


# -- OBJ-3 -------------------------------------------------------------------------------------------


class Colour(Enum):
    RED = object()


@dataclass
class Point:
    x: int = 1


class Struct(msgspec.Struct):
    x: int = 1


SECRET = "hunter2"

NOT_JSON: dict[str, Any] = {
    "NaN": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "bytes": SECRET.encode(),
    "bytearray": bytearray(SECRET.encode()),
    "memoryview": memoryview(SECRET.encode()),
    "datetime": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    "date": dt.date(2026, 1, 1),
    "time": dt.time(1, 2),
    "timedelta": dt.timedelta(1),
    "set": {SECRET},
    "frozenset": frozenset({SECRET}),
    "object": object(),
    "class": int,
    "function": len,
    "generator": (letter for letter in SECRET),
    "Decimal": Decimal("1.5"),
    "UUID": uuid.UUID(int=1),
    "complex": 1j,
    "range": range(3),
    "enum": Colour.RED,
    "dataclass": Point(),
    "struct": Struct(),
    "lone surrogate": "\ud800" + SECRET,
    "lone low surrogate": SECRET + "\udfff",
}


def nestings(value: Any) -> Iterator[Any]:
    yield value
    yield [value]
    yield (1, value)
    yield {"inner": value}
    yield {"a": [{"b": (1, [value])}]}


@pytest.mark.promise("OBJ-3")
class TestNotJson:
    @pytest.mark.parametrize("name", NOT_JSON)
    def test_is_refused_at_once_and_named_by_its_key(self, name: str) -> None:
        for value in nestings(NOT_JSON[name]):
            for way in (Session.__setitem__, Session.set, Session.flash, Session.setdefault):
                session = new_session()
                with pytest.raises(TypeError, match=r"session\['colour'\]") as caught:
                    way(session, "colour", value)
                assert SECRET not in str(caught.value)
                assert session == {}

    @pytest.mark.parametrize("name", NOT_JSON)
    def test_is_refused_in_a_mapping_of_updates_and_from_a_function(self, name: str) -> None:
        session = new_session()
        with pytest.raises(TypeError, match=r"session\['colour'\]"):
            session.update({"colour": NOT_JSON[name]})
        with pytest.raises(TypeError, match=r"session\['colour'\]"):
            session.update("colour", lambda _: NOT_JSON[name])
        assert session == {}

    @pytest.mark.parametrize("key", [1, None, b"a", ("a",), 1.5, True])
    def test_a_key_that_is_no_string_is_refused(self, session: Session, key: Any) -> None:
        with pytest.raises(TypeError, match="session keys are strings, not"):
            session[key] = 1
        with pytest.raises(TypeError, match="session keys are strings, not"):
            session.increment(key)
        for value in nestings({key: "value"}):
            with pytest.raises(TypeError, match=r"session\['colour'\].*a key of type"):
                session["colour"] = value
        assert session == {}

    def test_a_key_that_is_no_unicode_is_refused(self, session: Session) -> None:
        with pytest.raises(TypeError, match=r"not valid Unicode|not JSON"):
            session["\ud800"] = 1
        with pytest.raises(TypeError, match=r"session\['colour'\].*not valid Unicode"):
            session["colour"] = {"\ud800": 1}
        assert session == {}

    def test_a_value_that_holds_itself_is_refused(self, session: Session) -> None:
        loop: list[Any] = []
        loop.append(loop)
        with pytest.raises(TypeError, match=r"session\['colour'\].*levels deep"):
            session["colour"] = loop

    def test_too_deep_a_nesting_is_refused_and_one_less_is_not(self, session: Session) -> None:
        def nested(levels: int) -> Any:
            value: Any = 1
            for _ in range(levels):
                value = [value]
            return value

        session["deep"] = nested(MAX_DEPTH)
        assert session["deep"] == nested(MAX_DEPTH)
        for levels in (MAX_DEPTH + 1, 5_000, 200_000):
            value = nested(levels)
            with pytest.raises(TypeError, match=r"session\['deep'\].*levels deep"):
                session["deep"] = value
            while value != 1:  # from the outside, because Python too would free it recursively
                (value,) = value
        assert session["deep"] == nested(MAX_DEPTH)

    def test_many_values_on_few_levels_are_fine(self, session: Session) -> None:
        session["flat"] = [[] for _ in range(10 * MAX_DEPTH)]
        assert len(session["flat"]) == 10 * MAX_DEPTH

    def test_where_in_the_value_the_fault_is(self, session: Session) -> None:
        with pytest.raises(TypeError) as caught:
            session["order"] = {"lines": [{"sku": 1}, {"sku": Decimal(2)}]}
        assert str(caught.value) == (
            "session['order'] holds at ['lines'][1]['sku'] of type Decimal: a session holds JSON values only"
        )


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner)
    ),
    max_leaves=10,
)


def as_json(value: Any) -> Any:
    """What the standard library makes of it, which knows JSON by heart."""
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.promise("OBJ-3")
class TestJson:
    @given(st.text(st.characters(exclude_categories=["Cs"])), json_values)
    def test_every_json_value_goes_in_and_comes_out_as_it_was(self, key: str, value: Any) -> None:
        session = new_session()
        session[key] = value
        assert session[key] == value
        assert saved_and_read_again(session)[key] == value

    @given(anything)
    def test_what_is_taken_is_what_json_gives_back(self, value: Any) -> None:
        session = new_session()
        try:
            session["key"] = value
        except TypeError:
            return
        assert saved_and_read_again(session)["key"] == as_json(value)

    @pytest.mark.parametrize("number", [2**63, 2**64, -(2**64), 10**40, 10**400, 0.1, 5e-324, 1.7e308, -0.0])
    def test_numbers_of_every_size_are_fine(self, session: Session, number: float) -> None:
        session["number"] = number
        (again,) = saved_and_read_again(session).values()
        assert repr(again) == repr(number)

    def test_tuples_are_arrays_as_in_the_standard_library(self, session: Session) -> None:
        session["pair"] = (1, (2, 3))
        assert saved_and_read_again(session) == {"pair": [1, [2, 3]]}

    def test_subclasses_of_the_json_types_are_what_they_are(self, session: Session) -> None:
        class Level(IntEnum):
            HIGH = 3

        class Text(str):
            __slots__ = ()

        session["level"] = Level.HIGH
        session["text"] = Text("a")
        assert saved_and_read_again(session) == {"level": 3, "text": "a"}


def saved_and_read_again(session: Session) -> dict[str, Any]:
    """The session as its next request sees it."""
    return unpack(encode(Content(data=session))).data


# -- OBJ-4 -------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("OBJ-4")
class TestInPlace:
    async def changed(self, store: Store, change: Any, start: Any) -> Any:
        """What the next request sees of `start` after `change(session)`."""

        async def begin(request: Request) -> Response:
            request.session["nested"] = start
            return answer()

        async def work(request: Request) -> Response:
            change(own(request))
            return answer()

        browser = Browser(site(begin, work, store=store))
        await browser.get("/begin")
        response = await browser.get("/work")
        assert response.status == 200
        return (await browser.get("/read")).json().get("nested")

    async def test_appending_is_noticed(self, store: Store) -> None:
        assert await self.changed(store, lambda s: s["nested"].append(2), [1]) == [1, 2]

    async def test_changes_at_depth_are_noticed(self, store: Store) -> None:
        def change(session: Session) -> None:
            session["nested"]["a"][0]["b"].append({"c": 1})

        start: dict[str, Any] = {"a": [{"b": []}]}
        assert await self.changed(store, change, start) == {"a": [{"b": [{"c": 1}]}]}

    async def test_through_get_values_and_items(self, store: Store) -> None:
        assert await self.changed(store, lambda s: s.get("nested").append(2), [1]) == [1, 2]
        assert await self.changed(store, lambda s: next(iter(s.values())).append(2), [1]) == [1, 2]
        assert await self.changed(store, lambda s: dict(s.items())["nested"].append(2), [1]) == [1, 2]

    async def test_a_change_after_setting_is_noticed(self, store: Store) -> None:
        def change(session: Session) -> None:
            cart: list[int] = []
            session["nested"] = cart
            cart.append(1)
            cart.append(2)

        assert await self.changed(store, change, None) == [1, 2]

    async def test_a_change_inside_a_tuple_is_noticed(self, store: Store) -> None:
        def change(session: Session) -> None:
            inner = [1]
            session["nested"] = (inner, "x")
            inner.append(2)

        assert await self.changed(store, change, None) == [[1, 2], "x"]

    async def test_emptying_and_sorting_are_noticed(self, store: Store) -> None:
        assert await self.changed(store, lambda s: s["nested"].clear(), [1]) == []
        assert await self.changed(store, lambda s: s["nested"].sort(), [3, 1, 2]) == [1, 2, 3]
        assert await self.changed(store, lambda s: s["nested"].pop("a"), {"a": 1}) == {}

    async def test_a_change_back_and_forth_is_none(self) -> None:
        store = Watched()

        def change(session: Session) -> None:
            session["nested"].append(2)
            session["nested"].pop()

        assert await self.changed(store, change, [1]) == [1]
        assert store.calls.get("replace", 0) == 0

    async def test_the_change_is_saved_also_when_other_keys_are_forgotten(self, store: Store) -> None:
        def change(session: Session) -> None:
            session["nested"].append(2)
            session["other"] = 1
            session.forget("other")

        assert await self.changed(store, change, [1]) == [1, 2]

    async def test_a_forgotten_value_stays_forgotten(self, store: Store) -> None:
        def change(session: Session) -> None:
            nested = session["nested"]
            nested.append(2)
            session.forget("nested")
            nested.append(3)

        assert await self.changed(store, change, [1]) is None

    async def test_what_json_cannot_hold_is_refused_when_it_is_saved(self, store: Store) -> None:
        async def spoil(request: Request) -> Response:
            request.session["nested"].append(object())
            return answer()

        browser = Browser(site(spoil, store=store))
        await browser.get("/write", nested="x")
        await browser.get("/write", other="x")

        async def begin(request: Request) -> Response:
            request.session["nested"] = [1]
            return answer()

        browser = Browser(site(begin, spoil, store=store))
        await browser.get("/begin")
        response = await browser.get("/spoil")
        assert response.status == 500
        assert isinstance(response.error, TypeError)
        assert "session['nested'] holds at [1] of type object" in str(response.error)
        assert (await browser.get("/read")).json() == {"nested": [1]}

    async def test_a_change_before_an_update_counts(self, store: Store) -> None:
        def change(session: Session) -> None:
            session["nested"].append(2)
            session.update("nested", lambda value: [*value, 3])

        assert await self.changed(store, change, [1]) == [1, 2, 3]

    async def test_a_flash_is_saved_with_its_changes_and_stays_a_flash(self, store: Store) -> None:
        async def shout(request: Request) -> Response:
            words = ["hi"]
            own(request).flash("message", words)
            words.append("there")
            return answer()

        browser = Browser(site(shout, store=store))
        await browser.get("/shout")
        assert (await browser.get("/message")).json() == ["hi", "there"]
        assert (await browser.get("/message")).json() is None


# -- what it shows -----------------------------------------------------------------------------------


@pytest.mark.promise("BAD-1: nothing of a session shows in logs")
def test_its_repr_shows_neither_keys_nor_values(session: Session) -> None:
    assert repr(session) == "<Session with 0 keys>"
    session["hunter2"] = SECRET
    assert repr(session) == str(session) == "<Session with 1 keys>"
