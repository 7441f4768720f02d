"""The routes that the browser tests use of a server, as docs/judge.openapi.yaml lists them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PAGE = Path(__file__).parent.parent.parent / "docs" / "judge.openapi.yaml"
METHODS = ("get", "post")


@dataclass(frozen=True)
class Route:
    """One method of one path. `{key}` in the path stands for any one part of it."""

    method: str
    path: str
    summary: str
    example: str
    """A path with its query at which the route can be asked for."""
    promises: tuple[str, ...] = ()
    """Ids of the promises that some test asks by it."""
    form: Mapping[str, str] | None = None
    answers: tuple[str, ...] = ()
    """The statuses of its answers"""
    answer: str = ""
    """What it answers"""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def matches(self, method: str, path: str) -> bool:
        parts = re.split(r"\{\w+\}", self.path)
        pattern = r"[^/]+".join(map(re.escape, parts))
        return method == self.method and re.fullmatch(pattern, path) is not None


@dataclass(frozen=True)
class Profile:
    """The same routes once more under `prefix`, with another cookie and other timeouts (in seconds)."""

    name: str
    prefix: str


@dataclass(frozen=True)
class Protocol:
    routes: tuple[Route, ...]
    profiles: tuple[Profile, ...]
    """The last one has no prefix."""
    basics: tuple[str, ...]
    """Names of the routes without which nothing can be judged."""

    @property
    def by_name(self) -> Mapping[str, Route]:
        return {route.name: route for route in self.routes}

    def find(self, method: str, path: str) -> tuple[Profile, Route] | None:
        """The profile and the route of a request, or None for one that is not in the protocol."""
        profile = next(each for each in self.profiles if path.startswith(f"{each.prefix}/"))
        path = path.removeprefix(profile.prefix)
        # What is spelled out goes before what a parameter stands for.
        found = [route for route in self.routes if route.matches(method, path)]
        return (profile, min(found, key=lambda route: route.path.count("{"))) if found else None


@cache
def protocol() -> Protocol:
    page: dict[str, Any] = yaml.safe_load(PAGE.read_text())
    routes = [
        _route(method.upper(), path, operation)
        for path, operations in page["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]
    profiles = [Profile(name, facts["prefix"]) for name, facts in page["x-profiles"].items()]
    return Protocol(tuple(routes), tuple(profiles), tuple(page["x-basics"]))


def _route(method: str, path: str, operation: Mapping[str, Any]) -> Route:
    body = operation.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
    return Route(
        method,
        path,
        operation["summary"],
        operation.get("x-example", path),
        tuple(operation.get("x-promises", ())),
        body.get("example"),
        tuple(operation["responses"]),
        "; ".join(response["description"] for response in operation["responses"].values()),
    )
