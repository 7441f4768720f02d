"""The one cell of a server that somebody else has started, and what cannot be asked there."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from e2e.judge import needs
from e2e.judge.needs import CONTROL, PROFILE
from e2e.judge.offer import Offer
from e2e.matrix.matrix import PLAIN, Cell, Matrix, Rule

SERVER = "judged"
STAND_INS = {"server-side": "memory", "cookie": "cookie"}
"""Where the judged server keeps its sessions → our store for which matrix.yml says the same."""
BROWSER = "chromium"


@dataclass(frozen=True)
class Judged(Matrix):
    """matrix.yml's limits hold by the kind of the store; to them come the routes that are not offered."""

    offer: Offer = field(default_factory=lambda: Offer("", ()))
    store: str = "server-side"

    @classmethod
    def of(cls, offer: Offer, store: str) -> Self:
        """`store` is one of STAND_INS."""
        return cls(
            servers=(SERVER,),
            stores=dict.fromkeys(STAND_INS, ""),
            browsers=(BROWSER,),
            modes=(PLAIN,),
            excluded=(),
            not_applicable=(),
            offer=offer,
            store=store,
        )

    @cached_property
    def _ours(self) -> Matrix:
        return Matrix.load()

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        return (Cell(SERVER, self.store, BROWSER),)

    @property
    def combinations(self) -> list[Cell]:
        return list(self.cells)

    def limit(self, cell: Cell, promise: str, test: str = "") -> Rule | None:
        if lacking := self.offer.lacks(needs.of(test)):
            return Rule({}, not_offered(lacking), (promise,))
        stand_in = replace(cell, server=self._ours.servers[0], store=STAND_INS[cell.store])
        return self._ours.limit(stand_in, promise, test)


def not_offered(lacking: list[str]) -> str:
    """In words."""
    control = [need.removeprefix(CONTROL) for need in lacking if need.startswith(CONTROL)]
    profiles = [need.removeprefix(PROFILE) for need in lacking if need.startswith(PROFILE)]
    routes = [need for need in lacking if not need.startswith((CONTROL, PROFILE))]
    parts = [", ".join(routes)] if routes else []
    parts += [f"the routes under {' and '.join(profiles)}"] if profiles else []
    parts += [f"control of {' and '.join(control)}"] if control else []
    return f"Not offered: {'; '.join(parts)}."
