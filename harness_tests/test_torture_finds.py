"""BAD-3: the torture finds what is wrong with a store, and what is wrong with the library."""

from __future__ import annotations

import random
from typing import Any

import pytest
from stores import broken
from stores.broken import Data, RightStore

import sessions._carriers.id
import sessions._commit
import sessions._work
from harness_tests.torture_in_process import rules, torture
from sessions import Record, StoreUnavailable

ONCE = "acknowledged changes count once"
ANONYMOUS = "nobody becomes anonymous without a logout"
OVER = "what is over opens nothing"
BACK = "reads never go back in time"
FLASH = "a flash value is shown once at most"
OWNER = "all sessions of an owner end"

pytestmark = pytest.mark.promise("BAD-3")


class Forgetful(RightStore):
    """It says that it has written, and at times it has not: what a crash loses that was acknowledged."""

    def __init__(self, data: Data) -> None:
        super().__init__(data)
        self.choice = random.Random(1)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        if self.choice.random() < 0.05 and self.alive(key):
            return True
        return await super().replace(key, record, expected=expected)


class Losing(RightStore):
    """Records are gone at times."""

    choice = random.Random(1)

    async def load(self, key: str) -> Record | None:
        if self.choice.random() < 0.01:
            self.data.pop(key, None)
        return await super().load(key)


class BlindToOwners(RightStore):
    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        return []


class AnswersGetLost(RightStore):
    """It does what it is told, and at times its answer does not arrive."""

    def __init__(self, data: Data) -> None:
        super().__init__(data)
        self.choice = random.Random(1)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        replaced = await super().replace(key, record, expected=expected)
        if self.choice.random() < 0.1:
            raise StoreUnavailable("the answer got lost")
        return replaced


@pytest.mark.parametrize("leaving", [0.0, 0.1])
@pytest.mark.parametrize("kind", [RightStore, AnswersGetLost])
def test_a_right_store_has_no_violations(kind: type[RightStore], leaving: float) -> None:
    data: Data = {}
    found, checked = torture(kind(data), kind(data), leaving=leaving)
    assert found == []
    assert checked["acknowledged changes found again"] > 500
    assert checked["requests with a cookie that is over"] > 20
    assert checked["flash values that had to be shown"] > 5


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (broken.ReplaceIgnoresTheVersion, ONCE),
        (broken.ReplaceInTwoSteps, ONCE),
        (Forgetful, ONCE),
        (broken.LoadFromACache, BACK),
        (broken.ReplaceCreates, OVER),
        (BlindToOwners, OVER),
        (Losing, ANONYMOUS),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_wrong_store_is_found_out(kind: type[RightStore], rule: str) -> None:
    data: Data = {}
    found, _ = torture(kind(data), kind(data), operations=3000)
    assert rule in rules(found), rules(found)


async def _nothing(*_: Any, **__: Any) -> None:
    pass


WITHOUT: dict[str, tuple[Any, str, Any, str]] = {
    "commits that are remembered, and the store's answers get lost": (
        sessions._work.Taken,
        "was_done",
        lambda *_: False,
        ONCE,
    ),
    "a login that finds its session again, and browsers go away": (
        sessions._commit,
        "_is_same_login",
        lambda *_: False,
        ANONYMOUS,
    ),
    "writes that follow a login": (sessions._commit, "_write_behind", _nothing, ONCE),
    "tombstones": (sessions._carriers.id, "TOMBSTONE_SECONDS", 0.0, ONCE),
    "an end that follows": (sessions._carriers.id, "end", _nothing, OVER),
    "flash values that are used up": (sessions.Session, "_read_flash", lambda *_: None, FLASH),
}


@pytest.mark.parametrize("what", WITHOUT)
def test_a_library_without_what_withstands_a_nemesis_is_found_out(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, name, instead, rule = WITHOUT[what]
    monkeypatch.setattr(place, name, instead)
    data: Data = {}
    kind = AnswersGetLost if "answers" in what else RightStore
    found, _ = torture(kind(data), kind(data), operations=3000, leaving=0.1 if "browsers" in what else 0.0)
    assert rule in rules(found), rules(found)
