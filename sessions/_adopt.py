"""After a save: the values go on with what was saved, which may hold other requests' changes too."""

from __future__ import annotations

from typing import Any, Final

from sessions._changes import Notes, applied
from sessions._json import decode, encode
from sessions._record import unpack
from sessions._work import Work, one_at_a_time

_MISSING: Final = object()


def adopt(work: Work, values: dict[str, Any], saved: bytes, since: bytes) -> None:
    """Bring the values up to date with the saved content, `saved`.

    What the handler has changed since the content was `since` stays: it is for the next save. Nested
    values are changed in place, because the handler may hold them. Raises what a function raises.
    """
    content, before = unpack(saved), unpack(since).data
    work.base = saved
    notes = work.notes or Notes(set())
    noted = notes.functions or {}
    for key, functions in noted.items():
        value = content.data.get(key)
        for function in functions:
            value = decode(applied(function, key, value))
        notes.add_result(key, encode(value))
        content.data[key] = value
    with one_at_a_time:
        assigned = notes.assigned
        changed = {key for key, value in values.items() if _text(before, key) != encode(value)} | assigned
        changed |= before.keys() - values.keys()
        cut_off: list[Any] = []
        for key in list(values.keys() - changed - content.data.keys()):
            cut_off.append(dict.pop(values, key))
        for key, value in content.data.items():
            if key in noted:
                dict.__setitem__(values, key, value)
            elif key not in changed:
                old = dict.get(values, key, _MISSING)
                if old is _MISSING or encode(old) != encode(value):
                    dict.__setitem__(values, key, _replaced(old, value, cut_off))
        flash = [key for key in content.flash if key not in changed]
        work.flash = (*flash, *[key for key in work.flash if key in changed])
        if not notes.owner:
            work.owner = content.owner
        if not notes.login:
            work.authenticated_at = content.authenticated_at
        nested = [(value, encode(value)) for value in cut_off if isinstance(value, (dict, list, tuple))]
        work.cut_off = (*work.cut_off, *nested)
        work.special = work.nested = True


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


def _text(data: dict[str, Any], key: str) -> bytes | None:
    return encode(data[key]) if key in data else None
