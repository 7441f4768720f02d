"""All keys of a Redis store, in portions."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from sessions.stores.redis._commands import Commands

PORTION: Final = 500
"""Names in a portion; the server looks at so many at a time."""

KEYS_AT_ONCE: Final = 200_000
"""Keys that a walk through all of them remembers, some 20 MB. Of more it makes several walks, each through
another part of them."""

KEY_LENGTH: Final = 64
_IS_KEY: Final = re.compile(rb"[0-9a-f]{64}").fullmatch


async def all_once(commands: Commands, prefix: bytes) -> AsyncIterator[list[bytes]]:
    """The names of all keys, in portions, each once.

    SCAN tells a key again when the server moves its table, so what was told has to be remembered.
    """
    for beginning in parts(await commands.size()):
        told = set[bytes]()
        async for names in all_of(commands, prefix, beginning):
            # Half of a key, 128 random bits, is enough to tell it from the others.
            new = {name[-KEY_LENGTH // 2 :]: name for name in names}
            yield [name for half, name in new.items() if half not in told]
            told.update(new)


async def all_of(commands: Commands, prefix: bytes, beginning: str = "") -> AsyncIterator[list[bytes]]:
    """The names of all keys that begin so, in portions; some of them perhaps more than once."""
    names = list[bytes]()
    # The prefix stands for itself, and for no pattern.
    pattern = re.sub(rb"([][?*\\^])", rb"\\\1", prefix) + beginning.encode()
    pattern += b"?" * (KEY_LENGTH - len(beginning))
    async for name in commands.names(pattern, PORTION):
        if _IS_KEY(name[len(prefix) :]):  # and no record of a store whose prefix begins so
            names.append(name)
        if len(names) == PORTION:
            yield names
            names = []
    if names:
        yield names


def parts(size: int) -> list[str]:
    """How the keys of each part begin: of so many that no part has many more than `KEYS_AT_ONCE`."""
    digits = 0
    while size > KEYS_AT_ONCE * 16**digits:
        digits += 1
    return [format(number, f"0{digits}x") if digits else "" for number in range(16**digits)]
