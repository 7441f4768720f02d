"""Typed sessions: declare the fields once, and a type checker knows each key and its values.

    class Visit(Fields):
        email = Field[str]()
        cart = Field[list[int]]()

    visit = Visit.of(request)
    visit.set(Visit.email, "ada@example.org")
    visit.get(Visit.email)         # str | None
    visit[Visit.email]             # str; KeyError if there is none
    visit.set(Visit.cart, "bread") # rejected: a wrong type
    visit.get(Visit.emial)         # rejected: an unknown key

In FastAPI it is a dependency: `CurrentVisit = Annotated[TypedSession[Visit], Depends(Visit.of)]`.

The types are for the type checker alone. At run time a value of another type is taken, if JSON can hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from sessions._device import DeviceProof
from sessions._lifetime import Duration
from sessions._lookup import HasScope, as_dependency, get_session
from sessions._session import Session
from sessions._templates import own_keys_first

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


class Fields:
    """Base of the class that declares a project's session fields. It has no instances."""

    @classmethod
    def of(cls: type[F], connection: HasScope | Mapping[str, Any]) -> TypedSession[F]:
        """The typed view of the session of a request, a websocket or a plain ASGI scope, or of this session.

        Also as a FastAPI dependency, `Depends(Visit.of)`.

        Raises `LookupError` when there is no `SessionMiddleware` around the handler.
        """
        return TypedSession(connection if isinstance(connection, Session) else get_session(connection))

    if not TYPE_CHECKING:
        of = classmethod(as_dependency(of.__func__, "of", "cls"))


class TypedSession(Generic[F]):
    """A session whose keys are the fields of `F`. Each method and fact is that of `Session`, with types.

    `untyped` is the session itself. It has what no field types: `items()` and the other looks at the whole,
    and `update()` with a mapping.
    """

    __slots__ = ("untyped",)

    def __init__(self, session: Session) -> None:
        self.untyped = session

    # -- reading ---------------------------------------------------------------------------------------------

    @overload
    def get(self, key: Key[F, T]) -> T | None: ...
    @overload
    def get(self, key: Key[F, T], default: D) -> T | D: ...
    def get(self, key: Key[F, Any], default: Any = None) -> Any:
        return self.untyped.get(key, default)

    def __getitem__(self, key: Key[F, T]) -> T:
        value: T = self.untyped[key]
        return value

    def __contains__(self, key: Key[F, Any]) -> bool:
        return key in self.untyped

    def __iter__(self) -> Iterator[str]:
        return iter(self.untyped)

    def __len__(self) -> int:
        return len(self.untyped)

    def is_flash(self, key: Key[F, Any]) -> bool:
        return self.untyped.is_flash(key)

    # -- changing --------------------------------------------------------------------------------------------

    def set(self, key: Key[F, T], value: T) -> None:
        self.untyped.set(key, value)

    def __setitem__(self, key: Key[F, T], value: T) -> None:
        self.untyped[key] = value

    def flash(self, key: Key[F, T], value: T) -> None:
        self.untyped.flash(key, value)

    def forget(self, key: Key[F, Any]) -> None:
        self.untyped.forget(key)

    def __delitem__(self, key: Key[F, Any]) -> None:
        del self.untyped[key]

    def setdefault(self, key: Key[F, T], default: T) -> T:
        value: T = self.untyped.setdefault(key, default)
        return value

    @overload
    def pop(self, key: Key[F, T], /) -> T: ...
    @overload
    def pop(self, key: Key[F, T], default: D, /) -> T | D: ...
    def pop(self, key: Key[F, Any], /, *default: Any) -> Any:
        return self.untyped.pop(key, *default)

    def increment(self, key: Key[F, N], by: N = 1) -> N:
        number: N = self.untyped.increment(key, by)
        return number

    def update(self, key: Key[F, T], function: Callable[[T | None], T]) -> T:
        value: T = self.untyped.update(key, function)
        return value

    # -- its life --------------------------------------------------------------------------------------------

    def touch(self) -> None:
        self.untyped.touch()

    def rotate(self) -> None:
        self.untyped.rotate()

    def reauthenticate(self) -> None:
        self.untyped.reauthenticate()

    def set_lifetime(self, expire_after: Duration | None, absolute_timeout: Duration | None = None) -> None:
        self.untyped.set_lifetime(expire_after, absolute_timeout)

    def reset_lifetime(self) -> None:
        self.untyped.reset_lifetime()

    def destroy(self) -> None:
        self.untyped.destroy()

    def clear(self) -> None:
        self.untyped.clear()

    async def save(self) -> None:
        await self.untyped.save()

    async def refresh(self) -> None:
        await self.untyped.refresh()

    # -- facts -----------------------------------------------------------------------------------------------

    @property
    def owner(self) -> str | None:
        return self.untyped.owner

    @owner.setter
    def owner(self, owner: str | int | None) -> None:
        self.untyped.owner = owner

    @property
    def authenticated_at(self) -> datetime | None:
        return self.untyped.authenticated_at

    @property
    def id(self) -> str | None:
        return self.untyped.id

    @property
    def key(self) -> str | None:
        return self.untyped.key

    @property
    def is_new(self) -> bool:
        return self.untyped.is_new

    @property
    def created_at(self) -> datetime | None:
        return self.untyped.created_at

    @property
    def expires_at(self) -> datetime | None:
        return self.untyped.expires_at

    @property
    def is_device_bound(self) -> bool:
        return self.untyped.is_device_bound

    @property
    def device_proof(self) -> DeviceProof | None:
        return self.untyped.device_proof

    @property
    def accessed(self) -> bool:
        return self.untyped.accessed

    @property
    def modified(self) -> bool:
        return self.untyped.modified


# A template must not find the secret id by way of this view either.
own_keys_first(
    TypedSession,
    names=[
        name
        for name in vars(TypedSession)
        if not (name.startswith("_") or hasattr(dict, name) or name == "untyped")
    ],
    hidden="id",
)
