"""After a save: the values go on with what was saved, which may hold other requests' changes too."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import compress, repeat
from operator import is_
from typing import Any, Final

from sessions._changes import Function, Notes, applied
from sessions._json import decode, encode
from sessions._record import Content, unpack
from sessions._work import Work, one_at_a_time

_MISSING: Final = object()

Values = dict[str, Any]


def adopt(work: Work, values: Values, saved: bytes, since: bytes) -> None:
    """Bring the values up to date with the saved content, `saved`.

    What the handler has changed since the content was `since` stays: it is for the next save. Nested
    values are changed in place, because the handler may hold them. Raises what a function raises.
    """
    content, before = unpack(saved), unpack(since).data
    while True:
        noted = _functions(work)
        made = {key: _made(key, functions, content.data.get(key)) for key, functions in noted.items()}
        with one_at_a_time:
            if _functions(work) == noted:  # no other thread has brought one more
                _take_in(work, values, content, before, made)
                return


def _functions(work: Work) -> dict[str, list[Function]]:
    """Those that the next save will apply, as they are now."""
    functions = work.notes.functions if work.notes is not None else None
    return {key: [*list_] for key, list_ in (functions or {}).copy().items()}


def _made(key: str, functions: list[Function], value: Any) -> Any:
    for function in functions:
        value = decode(applied(function, key, value))
    return value


def _take_in(work: Work, values: Values, content: Content, before: Values, made: Values) -> None:
    """Everything but what the handler has changed. Other threads may set keys meanwhile."""
    notes = work.notes or Notes(set())
    results = notes.results or {}
    now = dict.copy(values)
    changed = {key for key, value in now.items() if _text(before, key) != encode(value)}
    changed |= (before.keys() - now.keys()) | notes.assigned
    changed -= {key for key in made if key in now and encode(now[key]) == results.get(key)}
    cut_off: list[Any] = []
    new: Values = {}
    for key, value in content.data.items():
        if key in made:
            continue
        if key not in changed and encode(value) != _text(before, key):
            new[key] = _replaced(now.get(key, _MISSING), value, cut_off)
    for key in made.keys() - changed:
        new[key] = made[key]
        notes.add_result(key, encode(made[key]))
    gone = [key for key in before if key not in content.data and key not in changed and key not in made]
    cut_off += [now[key] for key in gone]
    _write(values, now, new, gone)
    flash = [key for key in content.flash if key not in changed]
    work.flash = (*flash, *[key for key in work.flash if key in changed])
    if not notes.owner:
        work.owner = content.owner
    if not notes.timeouts:
        work.timeouts = content.timeouts
    if not notes.login:
        work.authenticated_at, work.device = content.authenticated_at, content.device
    nested = [(value, encode(value)) for value in cut_off if isinstance(value, (dict, list, tuple))]
    work.cut_off = (*work.cut_off, *nested)
    work.special = work.nested = True
    # In the order of the values, as a difference of the two texts counts as a change.
    ordered = {key: content.data[key] for key in dict.copy(values) if key in content.data}
    content.data = {**ordered, **content.data}
    work.base = encode(content)


def _write(values: Values, now: Values, new: Values, gone: list[str]) -> None:
    """Set what is new and remove what is gone, but for what another thread has set since `now`.

    Each is one call that runs in C to its end, look and write together: threads do not come in between.
    """

    def as_it_was(keys: list[str]) -> Iterator[bool]:
        there = map(dict.get, repeat(values), keys, repeat(_MISSING))
        return map(is_, there, [now.get(key, _MISSING) for key in keys])

    dict.update(values, compress(new.items(), as_it_was([*new])))
    deque(map(dict.pop, repeat(values), compress(gone, as_it_was(gone))), maxlen=0)


def _replaced(old: Any, new: Any, cut_off: list[Any]) -> Any:
    """`new`, in the place of `old` where both are of one kind; what is left of the old is cut off."""
    if type(old) is dict and type(new) is dict:
        items = {
            key: _replaced(old[key], value, cut_off) if key in old else value for key, value in new.items()
        }
        cut_off += [value for key, value in old.items() if key not in new]
        old.clear()
        old.update(items)
        return old
    if type(old) is list and type(new) is list:
        both = zip(old, new, strict=False)
        items_ = [_replaced(one, other, cut_off) for one, other in both] + new[len(old) :]
        cut_off += old[len(new) :]
        old[:] = items_
        return old
    if old is not _MISSING and old is not new:
        cut_off.append(old)
    return new


def _text(data: Values, key: str) -> bytes | None:
    return encode(data[key]) if key in data else None
