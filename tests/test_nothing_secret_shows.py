"""SEC-5: no `repr` shows an id, a cookie, an owner or a value: tracebacks with variables end up in logs."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from enum import Enum
from types import ModuleType
from typing import Any

import pytest
from support import new_session

import sessions
from sessions._carriers import Carried
from sessions._record import Record

pytestmark = pytest.mark.promise("SEC-5: no repr shows a secret")

SHOWN = "hunter2"

HARMLESS = {
    "CookieOptions": "attributes that each response shows",
    "DeviceBinding": "the app's options: a path, a duration",
    "Lifetime": "durations",
    "Purpose": "a cookie's name, and the realm that the app names",
    "Password": "the key's name, which each seal shows; the secrets are hidden",
}
"""Types that show some of their fields, and what these are."""


class Secret(str):
    """A text that says so when it is shown. What it is asked for besides is no secret."""

    __slots__ = ()

    def __repr__(self) -> str:
        return SHOWN

    __str__ = __repr__

    def __format__(self, _: str) -> str:
        return SHOWN

    def __getattr__(self, name: str) -> str:
        return "no secret"


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(sessions.__path__, "sessions."):
        # The conformance kit is not part of an app: it holds what it has made up itself.
        if not found.name.startswith(("sessions.__main__", "sessions.testing")):
            yield importlib.import_module(found.name)


def types() -> dict[str, type[Any]]:
    """Every class that a module of the library defines, but for enums, errors and protocols."""
    return {
        kind.__qualname__: kind
        for module in modules()
        for kind in vars(module).values()
        if inspect.isclass(kind)
        and kind.__module__ == module.__name__
        and not issubclass(kind, Enum | BaseException | str)
        and not getattr(kind, "_is_protocol", False)
    }


def attributes(kind: type[Any]) -> set[str]:
    """What objects of this type keep: fields, slots, and what a method assigns to `self`."""
    names: set[str] = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("sessions"):
            continue
        names |= set(getattr(base, "__struct_fields__", ())) | set(inspect.get_annotations(base))
        slots = getattr(base, "__slots__", ())
        names |= {slots} if isinstance(slots, str) else set(slots)
        tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        names |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and ast.unparse(node.value) == "self"
        }
    return names


def filled(kind: type[Any]) -> Any:
    """An object of this type in which everything is secret, made past its constructor."""
    if hasattr(kind, "__struct_fields__"):
        annotated = {
            name: text for base in kind.__mro__ for name, text in inspect.get_annotations(base).items()
        }
        numbers = {"int", "float"}
        return kind(
            **{name: 7 if annotated[name] in numbers else Secret() for name in kind.__struct_fields__}
        )
    if issubclass(kind, tuple):
        return tuple.__new__(kind, [Secret()] * len(getattr(kind, "_fields", ())))
    concrete: Any = type(kind.__name__, (kind,), {"__slots__": ()})
    concrete.__abstractmethods__ = frozenset()
    made = concrete.__new__(concrete)
    if isinstance(made, dict):
        dict.__setitem__(made, Secret(), Secret())
    for name in attributes(kind):
        try:
            object.__setattr__(made, name, Secret())
        except (AttributeError, TypeError):
            continue  # a property, or an annotation of the class
    return made


def shown(thing: Any) -> str:
    """All that logs and reports of errors get to see of an object: `repr`, formatting, rich, Sentry."""
    rich: Any = getattr(thing, "__rich_repr__", tuple)()
    sentry = getattr(type(thing), "__sentry_repr__", repr)(thing)
    return f"{thing!r} {thing} {[thing]} {list(rich)} {sentry}"


@pytest.mark.parametrize("name", sorted(types()))
def test_no_type_of_the_library_shows_what_it_holds(name: str) -> None:
    assert (SHOWN in shown(filled(types()[name]))) == (name in HARMLESS)


def test_the_walk_meets_the_types_that_hold_secrets() -> None:
    """And would see one that shows them."""
    expected = {
        "Record",
        "Carried",
        "Found",
        "Content",
        "Moved",
        "Log",
        "Notes",
        "Taken",
        "Work",
        "OwnedSession",
    }
    assert expected | {"Session", "TypedSession", "SQLiteStore", "RedisStore", "KeyRing"} <= types().keys()
    assert {"held", "known", "owner", "base"} <= attributes(types()["Work"])
    assert {"_table", "_given"} <= attributes(types()["PostgresStore"])

    @dataclasses.dataclass
    class Careless:
        id: str

    assert SHOWN in shown(Careless(Secret()))


def test_what_is_shown_is_of_use() -> None:
    record = Record(b"hunter2", 1.0, 2.0, 3, "hunter2")
    assert repr(record) == "<Record, version 3, 7 bytes>"
    assert repr(Carried(record, "hunter2", "hunter2")) == "<Carried>"
    session = new_session()
    session["hunter2"] = "hunter2"
    assert shown(session).count("1 key") == 5
    assert SHOWN not in shown(session)
