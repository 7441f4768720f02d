"""Objects whose `repr` shows no field: tracebacks with local variables end up in logs and error reports."""

from __future__ import annotations

from typing import Any


class Hidden:
    """First base of the structs that hold ids, cookies, owners or values."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self, /) -> list[tuple[str, Any]]:
        """For rich, which asks for this first. msgspec's own would give all fields."""
        return []
