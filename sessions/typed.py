"""Typed sessions: declare the fields once, and a type checker knows each key and its values.

    class Visit(Fields):
        email = Field[str]()
        cart = Field[list[int]]()

    visit = Visit.of(request)
    visit.set(Visit.email, "ada@example.org")
    visit.get(Visit.email)         # str | None
    visit.set(Visit.cart, "bread") # rejected: a wrong type
    visit.get(Visit.emial)         # rejected: an unknown key

The types are promises between developers; nothing is checked at run time but that values are JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, overload

from sessions._session import Session

T = TypeVar("T")
D = TypeVar("D")
N = TypeVar("N", int, float)
F = TypeVar("F", bound="Fields")
F_contra = TypeVar("F_contra", bound="Fields", contravariant=True)


class Key(str, Generic[F_contra, T]):
    """A key that knows whose it is and what type its value has; at run time just a string."""

    __slots__ = ()


class Field(Generic[T]):
    """Declares a field; its key is the attribute's name, or the one given."""

    def __init__(self, key: str | None = None) -> None:
        self._key = key

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._key = self._key or name

    def __get__(self, instance: None, owner: type[F]) -> Key[F, T]:
        return Key(self._key or "")


class HasSession(Protocol):
    """A Starlette or FastAPI request or websocket."""

    @property
    def session(self) -> Any: ...


class Fields:
    """Base of the class that declares a project's session fields. It has no instances."""

    @classmethod
    def of(cls: type[F], connection: HasSession | Session) -> TypedSession[F]:
        """The typed view of a request's session."""
        return TypedSession(connection if isinstance(connection, Session) else connection.session)


class TypedSession(Generic[F]):
    """A session whose keys are the fields of `F`. `untyped` is the session itself."""

    __slots__ = ("untyped",)

    def __init__(self, session: Session) -> None:
        self.untyped = session

    @overload
    def get(self, key: Key[F, T]) -> T | None: ...
    @overload
    def get(self, key: Key[F, T], default: D) -> T | D: ...
    def get(self, key: Key[F, Any], default: Any = None) -> Any:
        return self.untyped.get(key, default)

    def set(self, key: Key[F, T], value: T) -> None:
        self.untyped.set(key, value)

    def flash(self, key: Key[F, T], value: T) -> None:
        self.untyped.flash(key, value)

    def forget(self, key: Key[F, Any]) -> None:
        self.untyped.forget(key)

    def __contains__(self, key: Key[F, Any]) -> bool:
        return key in self.untyped

    def increment(self, key: Key[F, N], by: N = 1) -> N:
        number: N = self.untyped.increment(key, by)
        return number

    def update(self, key: Key[F, T], function: Callable[[T | None], T]) -> T:
        value: T = self.untyped.update(key, function)
        return value

    def touch(self) -> None:
        self.untyped.touch()

    def rotate(self) -> None:
        self.untyped.rotate()

    def destroy(self) -> None:
        self.untyped.destroy()

    async def save(self) -> None:
        await self.untyped.save()

    @property
    def owner(self) -> str | None:
        return self.untyped.owner

    @owner.setter
    def owner(self, owner: str | int | None) -> None:
        self.untyped.owner = owner

    @property
    def is_new(self) -> bool:
        return self.untyped.is_new

    @property
    def created_at(self) -> datetime | None:
        return self.untyped.created_at

    @property
    def expires_at(self) -> datetime | None:
        return self.untyped.expires_at
