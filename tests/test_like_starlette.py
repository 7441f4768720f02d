"""OBJ-1: what works on the session of Starlette's own middleware works on ours, with the same result.

One table of operations. Each is done in a request of an app with Starlette's `SessionMiddleware`, the one
that is installed, and in a request of the same app with ours. What differs on purpose is in a list.
"""

from __future__ import annotations

import collections
import copy
import inspect
import json
import pickle
from collections import ChainMap, Counter, OrderedDict, UserDict
from collections.abc import Callable, Mapping, MutableMapping
from itertools import chain
from operator import itemgetter
from types import MappingProxyType
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware as StarlettesMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support import KEY, Browser, answer

from sessions import CookieStore, MemoryStore, SessionMiddleware

START: dict[str, Any] = {"a": 1, "b": "two", "cart": [1, 2], "user": {"name": "ada"}, "none": None}


def matched(session: Any) -> Any:
    match session:
        case {"a": a, "user": {"name": name}, **rest}:
            return a, name, rest
    return None


def not_matched(session: Any) -> Any:
    match session:
        case {"missing": _}:
            return "found"
        case []:
            return "a sequence"
        case dict():
            return "a dict"
    return None


def while_it_grows(session: Any) -> None:
    for key in session:
        session[key + "!"] = 1


def while_it_shrinks(session: Any) -> None:
    for key in session:
        del session[key]


def while_values_change(session: Any) -> None:
    for key in session:
        session[key] = 1


def over_a_copy(session: Any) -> None:
    for key in [*session]:
        del session[key]


def deleted(session: Any, key: str) -> None:
    del session[key]


def in_place_or(session: Any, other: Any) -> Any:
    before = session
    session |= other
    return session is before


def called(**named: Any) -> Any:
    return named


def unpacked(session: Any) -> Any:
    first, *rest = session
    return first, rest


def popped_all(session: Any) -> list[Any]:
    return [session.popitem() for _ in range(len(session))]


def view_that_follows(session: Any) -> Any:
    keys, items = session.keys(), session.items()
    session["new"] = 1
    return [*keys], len(items), ("new", 1) in items


def changed_deep_copy(session: Any) -> Any:
    other = copy.deepcopy(session)
    other["cart"].append(3)
    other["user"]["name"] = "bob"
    return session["cart"], session["user"]


def changed_copy(session: Any) -> Any:
    """It shares the nested values, and nothing else."""
    other = session.copy()
    other["a"] = 2
    other["cart"].append(3)
    return session["a"], session["cart"]


class Pairs:
    """What `update` takes too: something with `keys` and items."""

    def keys(self) -> list[str]:
        return ["a", "new"]

    def __getitem__(self, key: str) -> str:
        return key * 2


Operation = Callable[[Any], Any]

READING: dict[str, Operation] = {
    "s[key]": lambda s: s["a"],
    "s[missing]": lambda s: s["missing"],
    "s[1]": lambda s: s[1],
    "s[a list]": lambda s: s[[]],
    "s.get(key)": lambda s: s.get("a"),
    "s.get(missing)": lambda s: s.get("missing"),
    "s.get(missing, default)": lambda s: s.get("missing", 7),
    "s.get(none, default)": lambda s: s.get("none", 7),
    "s.get(1)": lambda s: s.get(1),
    "s.get()": lambda s: s.get(),
    "s.get(key, default=)": lambda s: s.get("a", default=1),
    "key in s": lambda s: ("a" in s, "missing" in s, None in s),
    "a list in s": lambda s: [] in s,
    "key not in s": lambda s: "a" not in s,
    "len": len,
    "bool": bool,
    "not": lambda s: not s,
    "iter": lambda s: [*iter(s)],
    "next(iter)": lambda s: next(iter(s)),
    "list": list,
    "tuple": tuple,
    "set": lambda s: sorted(set(s)),
    "sorted": sorted,
    "min, max": lambda s: (min(s), max(s)),
    "reversed": lambda s: [*reversed(s)],
    "reversed(items)": lambda s: [*reversed(s.items())],
    "enumerate": lambda s: [*enumerate(s)],
    "zip": lambda s: [*zip(s, s.values(), strict=True)],
    "chain": lambda s: [*chain(s, s)],
    "keys": lambda s: [*s.keys()],
    "values": lambda s: [*s.values()],
    "items": lambda s: [*s.items()],
    "keys & …": lambda s: sorted(s.keys() & {"a", "x"}),
    "keys | …": lambda s: sorted(s.keys() | {"a", "x"}),
    "keys - …": lambda s: sorted(s.keys() - {"a", "x"}),
    "keys.mapping": lambda s: dict(s.keys().mapping),
    "views that follow": view_that_follows,
    "itemgetter": itemgetter("a", "b"),
    "[*s]": lambda s: [*s],
    "{**s}": lambda s: {**s},
    "f(**s)": lambda s: called(**s),
    "a comprehension": lambda s: {key: value for key, value in s.items() if value},
    "unpacking": unpacked,
    "format_map": "{a} {b}".format_map,
    "%": "%(a)s %(b)s".__mod__,
    "match": matched,
    "match of something else": not_matched,
    "MappingProxyType": lambda s: dict(MappingProxyType(s)),
    "ChainMap": lambda s: dict(ChainMap(s, {"x": 1})),
    "UserDict": lambda s: UserDict(s).data,
    "OrderedDict": lambda s: [*OrderedDict(s).items()],
    "Counter": lambda s: Counter(s.keys()),
    "isinstance": lambda s: [isinstance(s, kind) for kind in (dict, Mapping, MutableMapping, list)],
    "callable": callable,
    "iterating while it grows": while_it_grows,
    "iterating while it shrinks": while_it_shrinks,
    "iterating while values change": while_values_change,
    "iterating over a copy": over_a_copy,
}
WRITING: dict[str, Operation] = {
    "s[key] = …": lambda s: s.__setitem__("a", 2),
    "s[new] = …": lambda s: s.__setitem__("new", [1]),
    "s[key] = the same": lambda s: s.__setitem__("a", 1),
    "s[key] += …": lambda s: s.__setitem__("a", s["a"] + 1),
    "s[key] += a list": lambda s: s["cart"].__iadd__([3]),
    "append in place": lambda s: s["cart"].append(3),
    "a nested key in place": lambda s: s["user"].__setitem__("name", "bob"),
    "del": lambda s: deleted(s, "a"),
    "del missing": lambda s: deleted(s, "missing"),
    "pop": lambda s: s.pop("a"),
    "pop missing": lambda s: s.pop("missing"),
    "pop missing, default": lambda s: s.pop("missing", 7),
    "pop, default None": lambda s: s.pop("missing", None),
    "pop()": lambda s: s.pop(),
    "popitem": lambda s: s.popitem(),
    "popitem until it is empty": popped_all,
    "popitem once more": lambda s: (popped_all(s), s.popitem()),
    "setdefault": lambda s: s.setdefault("a", 9),
    "setdefault missing": lambda s: s.setdefault("new", []).append(1),
    "setdefault missing, None": lambda s: s.setdefault("new"),
    "setdefault none": lambda s: s.setdefault("none", 9),
    "update(mapping)": lambda s: s.update({"a": 2, "new": 3}),
    "update(pairs)": lambda s: s.update([("a", 2), ("new", 3)]),
    "update(a generator)": lambda s: s.update((key, 1) for key in "ax"),
    "update(names)": lambda s: s.update(a=2, new=3),
    "update(both)": lambda s: s.update({"a": 2}, a=3, new=4),
    "update()": lambda s: s.update(),
    "update(keys and items)": lambda s: s.update(Pairs()),
    "update(itself)": lambda s: s.update(s),
    "update(a number)": lambda s: s.update(1),
    "update(a text)": lambda s: s.update("abc"),
    "update(None)": lambda s: s.update(None),
    "update(self=)": lambda s: s.update(self=1, key=2, other=3, function=4),
    "|=": lambda s: in_place_or(s, {"a": 2, "new": 3}),
    "|= pairs": lambda s: in_place_or(s, [("a", 2)]),
    "|= a number": lambda s: in_place_or(s, 1),
    "clear": lambda s: s.clear(),
    "clear and set": lambda s: (s.clear(), s.update(x=1)),
    "s[1] = …": lambda s: s.__setitem__(1, 1),
    "s[key] = a set": lambda s: s.__setitem__("a", {1}),
    "s[key] = NaN": lambda s: s.__setitem__("a", float("nan")),
    "s[key] = a tuple": lambda s: s.__setitem__("a", (1, 2)),
}
COPYING: dict[str, Operation] = {
    "dict(s)": dict,
    "s.copy()": lambda s: s.copy(),
    "a changed copy": changed_copy,
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "a changed deep copy": changed_deep_copy,
    "pickle": lambda s: pickle.loads(pickle.dumps(s)),  # noqa: S301 (our own)
    "type of copy": lambda s: isinstance(s.copy(), dict),
    "type of s | …": lambda s: type(s | {}).__name__,
    "s | other": lambda s: s | {"a": 2, "x": 1},
    "other | s": lambda s: {"a": 2, "x": 1} | s,
    "s | s": lambda s: s | s,
    "s | pairs": lambda s: s | [("a", 2)],
    "dict | s keeps its order": lambda s: [*({"z": 1} | s)],
    "fromkeys": lambda s: dict(type(s).fromkeys(["a"], 1)),
}
COMPARING: dict[str, Operation] = {
    "== a dict": lambda s: s == dict(START),
    "== another dict": lambda s: s == {"a": 1},
    "a dict ==": lambda s: dict(START) == s,
    "!= a dict": lambda s: s != dict(START),
    "== itself": lambda s: s == s,  # noqa: PLR0124
    "== a list": lambda s: s == [*START],
    "== None": lambda s: s == None,  # noqa: E711
    "<": lambda s: s < {},
    "hash": hash,
    "in a list": lambda s: s in [dict(START)],
    "items ==": lambda s: s.items() == START.items(),
}
SHOWING: dict[str, Operation] = {
    "json.dumps": json.dumps,
    "json.dumps, sorted": lambda s: json.dumps(s, sort_keys=True, indent=1),
    "json.dumps of what holds it": lambda s: json.dumps({"session": s, "list": [s]}),
    "json round trip": lambda s: json.loads(json.dumps(s)),
    "str": str,
    "repr": repr,
    "f-string": lambda s: f"{s}",
    "accessed": lambda s: s.accessed,
    "modified": lambda s: s.modified,
    "modified after a change": lambda s: (s.__setitem__("a", 2), s.modified)[1],
    "mark_accessed": lambda s: (s.mark_accessed(), s.accessed)[1],
    "a new attribute": lambda s: setattr(s, "anything", 1),
    "mark_modified": lambda s: (s.mark_modified(), s.modified, s.accessed),
    "a missing attribute": lambda s: s.anything,
    "signature of get": lambda s: [*inspect.signature(dict.get).parameters],
    "defaultdict": lambda s: dict(collections.defaultdict(int, s)),
}
OPERATIONS = {**READING, **WRITING, **COPYING, **COMPARING, **SHOWING}

LATER = "A value that JSON cannot hold is refused as it is set, and not when the response starts (OBJ-3)."
IN_PLACE = "A change of a nested value is noticed and saved; Starlette's session loses it (OBJ-4)."
HIDDEN = "Sessions come into logs and tracebacks, and their values must not."

DIFFERENT: dict[str, str] = {
    "s[key] += a list": IN_PLACE,
    "append in place": IN_PLACE,
    "a nested key in place": IN_PLACE,
    "a changed copy": IN_PLACE,
    "s[1] = …": LATER,
    "s[key] = a set": LATER,
    "s[key] = NaN": LATER,
    "str": HIDDEN,
    "repr": HIDDEN,
    "f-string": HIDDEN,
    "update(self=)": "A dict takes `self` as a name, and Starlette's session does not.",
    "fromkeys": "A session belongs to a request. It cannot be made out of keys.",
    "a new attribute": "A session has no attributes beside its own, so that a slip in a name is an error.",
}
"""Operation → why it has another result. An operation that is the same on both may not be here."""


async def fill(request: Request) -> Response:
    request.session.update(json.loads(json.dumps(START)))
    return answer()


async def everything(request: Request) -> Response:
    return answer([*request.session.items()])


def outcome_of(operation: Operation, session: Any) -> Any:
    try:
        result = operation(session)
    except Exception as error:
        return type(error), error.args if isinstance(error, KeyError) else None
    return [*result.items()] if isinstance(result, dict) else result


async def run(middleware: Middleware, operation: Operation) -> tuple[Any, Any, Any, Any]:
    """What it results in; the session then; how the request ends; what the next one finds."""
    outcomes: list[Any] = []

    async def act(request: Request) -> Response:
        session = request.session
        outcomes.append(outcome_of(operation, session))
        outcomes.append(copy.deepcopy(dict(session)))
        return answer()

    routes = [Route(f"/{each.__name__}", each) for each in (fill, act, everything)]
    browser = Browser(Starlette(routes=routes, middleware=[middleware]))
    await browser.get("/fill")
    reply = await browser.get("/act")
    outcome, session = outcomes
    return outcome, session, reply.status, (await browser.get("/everything")).text


OURS = [
    Middleware(SessionMiddleware, store=MemoryStore()),
    Middleware(SessionMiddleware, store=CookieStore(), encryption_key=KEY),
]


@pytest.mark.anyio
@pytest.mark.promise("OBJ-1")
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("ours", OURS, ids=["id", "content"])
@pytest.mark.parametrize("name", OPERATIONS)
async def test_each_operation_has_the_same_result(name: str, ours: Middleware, anyio_backend: str) -> None:
    theirs = Middleware(StarlettesMiddleware, secret_key=KEY)
    operation = OPERATIONS[name]
    expected, found = await run(theirs, operation), await run(ours, operation)
    if name in DIFFERENT:
        assert found != expected, "the same on both: take it off the list"
    else:
        assert found == expected


@pytest.mark.promise("OBJ-1")
def test_each_difference_has_its_operation_and_its_reason() -> None:
    assert DIFFERENT.keys() <= OPERATIONS.keys()
    assert all(DIFFERENT.values())
    assert len(OPERATIONS) >= 90
