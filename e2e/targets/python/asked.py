"""What the handlers of `routes.py` need of a request, for frameworks whose requests are not Starlette's.

The framework makes an `Asked` of its own request, and a response of its own of the handler's.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from e2e.targets.python.routes import PROFILES, Handler, Library, Peer, outside
from reference_server.gates import Gates, Outcomes


class Asked:
    """One request. `session` is the framework's own, or a mapping that stands for it."""

    def __init__(
        self,
        session: MutableMapping[str, Any],
        method: str,
        query: Mapping[str, str],
        path_params: Mapping[str, str],
        posted: Mapping[str, str],
    ) -> None:
        self.session, self.method, self.query_params, self.path_params = session, method, query, path_params
        self._posted = posted

    async def form(self) -> Mapping[str, str]:
        return self._posted


def as_request(asked: Asked) -> Request:
    """The handlers use of a request only what `Asked` has."""
    return cast(Request, asked)


class Behind(MutableMapping[str, Any]):
    """The session that `current()` returns, whichever that is by now; names in `hidden` are not values."""

    def __init__(self, current: Callable[[], MutableMapping[str, Any]], hidden: frozenset[str]) -> None:
        self._current, self._hidden = current, hidden

    def __getitem__(self, key: str) -> Any:
        return self._current()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._current()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._current()[key]

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._current() if key not in self._hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)


Handlers = Mapping[str, Mapping[str, Handler]]
"""Path, with `{name}` for what varies → method → handler"""


def handlers_of(library: Library, prefix: str, gates: Gates, outcomes: Outcomes) -> Handlers:
    """The profile's routes with its prefix, but for websockets: each framework has its own."""
    return _by_path(Peer(library, prefix, gates, outcomes).routes(), prefix)


def handlers_outside(gates: Gates, outcomes: Outcomes) -> Handlers:
    """What no session is looked up for."""
    return _by_path(outside(gates, outcomes), "")


def _by_path(routes: list[Any], prefix: str) -> Handlers:
    found: dict[str, dict[str, Handler]] = {}
    for route in routes:
        if isinstance(route, Route):
            methods = dict.fromkeys(route.methods or (), cast(Handler, route.endpoint))
            found.setdefault(f"{prefix}{route.path}", {}).update(methods)
    return found


def is_outside(path: str) -> bool:
    """Whether no session is looked up for the path; nor is one at an app's start, which has no path."""
    return not path or path.startswith(("/lab/gate/", "/lab/outcome/", "/static/"))


def profile_of(path: str) -> str:
    """The prefix of the profile that a path belongs to; the root's is empty."""
    return next((prefix for prefix in PROFILES if path.startswith(f"{prefix}/")), "")


def headers_of(response: Response) -> dict[str, str]:
    """Without those that the framework writes itself."""
    return {name: value for name, value in response.headers.items() if name != "content-length"}
