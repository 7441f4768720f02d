"""The conformance kit catches wrong stores, by the test that speaks of what is wrong with them."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from _pytest.outcomes import Failed
from hypothesis import Phase, settings

from sessions import Store
from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore

from . import broken
from .broken import RightStore
from .files import FilesWithoutALock, LockedFiles

MACHINE = "test_it_answers_like_a_dictionary"

CAUGHT: list[tuple[type[RightStore], str]] = [
    (broken.CreateOverwrites, "test_create_refuses_a_key_that_is_taken"),
    (broken.CreateMeetsTheExpired, "test_create_takes_the_key_of_an_expired_record"),
    (broken.CreateInTwoSteps, "test_one_creator_wins"),
    (broken.LoadShowsTheExpired, "test_an_expired_record_counts_as_absent"),
    (broken.LoadShowsTheExpired, "test_a_record_ends_at_its_moment"),
    (broken.LoadFromACache, "test_two_stores_on_the_same_data_agree"),
    (broken.ReplaceIgnoresTheVersion, "test_replace_compares_versions"),
    (broken.ReplaceIgnoresTheVersion, "test_parallel_writers_of_different_keys_all_survive"),
    (broken.ReplaceIgnoresTheVersion, "test_parallel_increments_are_exact"),
    (broken.ReplaceCreates, "test_replace_creates_nothing"),
    (broken.ReplaceCreates, "test_what_was_deleted_stays_deleted"),
    (broken.ReplaceCreates, "test_a_slower_request_does_not_undo_a_logout"),
    (broken.ReplaceRevivesTheExpired, "test_replace_creates_nothing"),
    (broken.ReplaceInTwoSteps, "test_one_writer_of_a_version_wins"),
    (broken.ReplaceInTwoSteps, "test_compare_and_set_counts_exactly"),
    (broken.ReplaceInTwoSteps, "test_parallel_increments_are_exact"),
    (broken.ReplaceKeepsTheExpiry, "test_a_shortened_record_ends_at_its_new_moment"),
    (broken.ReplaceKeepsTheExpiry, "test_a_prolonged_record_lives_on"),
    (broken.DeleteOnlyHides, "test_delete_removes_one_record_and_may_be_repeated"),
    (broken.DeleteFailsTheSecondTime, "test_delete_removes_one_record_and_may_be_repeated"),
    (broken.PurgeTakesTheLiving, "test_purge_removes_what_has_expired_and_nothing_else"),
    (broken.PurgeLeavesSome, "test_purge_removes_what_has_expired_and_nothing_else"),
    (broken.PurgeGoesByTheFirstExpiry, "test_a_prolonged_record_lives_on"),
    (broken.PayloadAsText, "test_a_payload_comes_back_byte_for_byte"),
    (broken.PayloadUpToNul, "test_a_payload_comes_back_byte_for_byte"),
    (broken.PayloadAsBuffer, "test_a_payload_comes_back_byte_for_byte"),
    (broken.TimesInMilliseconds, "test_times_version_and_owner_come_back_exactly"),
    (broken.OwnersInAnyCase, "test_owners_that_look_alike_are_different"),
    (broken.OwnersCutShort, "test_owners_that_look_alike_are_different"),
    (broken.OwnersIncludeTheExpired, "test_an_expired_record_counts_as_absent"),
    (broken.OwnersListedTwice, "test_the_index_follows_the_record"),
    (broken.DeleteForgetsTheIndex, "test_the_index_follows_the_record"),
    (broken.ReplaceForgetsTheIndex, "test_the_index_follows_the_record"),
    (broken.ReplaceForgetsTheIndex, "test_a_record_that_loses_its_owner_is_nobodys"),
    (broken.DestroyAllLooksOnce, "test_a_session_that_is_rotated_meanwhile_does_not_escape"),
    (broken.DestroyAllLooksOnce, "test_destroy_all_spares_one_and_counts_the_others"),
    (broken.DeleteOlderTakesTheYounger, "test_what_is_older_is_deleted_and_nothing_else"),
    (broken.DeleteOlderForgetsTheLast, "test_many_are_deleted_as_well_as_three"),
    (
        broken.DestroyEverythingLooksOnce,
        "test_everybodys_session_ends_also_if_it_gets_new_ids_meanwhile",
    ),
    (broken.CountIncludesTheExpired, "test_count_goes_by_what_is_there"),
    (broken.CountsTheFirstPage, "test_many_are_counted_as_well_as_three"),
    (broken.ScanShowsTheExpired, "test_scan_shows_keys_and_records"),
    (broken.ScanForgetsTheLast, "test_a_scan_shows_many_as_well_as_three"),
    (broken.ScanTellsAgain, "test_a_scan_shows_many_as_well_as_three"),
    (broken.ScanByNumbers, "test_a_scan_misses_nobody_while_others_come_and_go"),
    (broken.CloseLosesEverything, "test_a_closed_store_opens_again"),
    (broken.OpensTwiceAtOnce, "test_the_first_calls_may_come_at_once"),
    (broken.CancellationKeepsTheLock, "test_a_call_may_be_cancelled_at_any_moment"),
    (broken.CancellationLeavesHalfARecord, "test_a_call_may_be_cancelled_at_any_moment"),
    *[
        (wrong, MACHINE)
        for wrong in (
            broken.CreateOverwrites,
            broken.CreateMeetsTheExpired,
            broken.LoadShowsTheExpired,
            broken.ReplaceIgnoresTheVersion,
            broken.ReplaceCreates,
            broken.ReplaceRevivesTheExpired,
            broken.ReplaceKeepsTheExpiry,
            broken.DeleteOnlyHides,
            broken.DeleteForgetsTheIndex,
            broken.ReplaceForgetsTheIndex,
            broken.OwnersIncludeTheExpired,
            broken.OwnersListedTwice,
            broken.CloseLosesEverything,
        )
    ],
]


class Kit(StoreConformance):
    # That it fails is all that matters here, not the shortest way to fail.
    machine_settings = settings(
        StoreConformance.machine_settings,
        phases=[Phase.generate],
        max_examples=300,
        derandomize=True,
        database=None,
    )
    patience = 2.0


class TestRightStore(StoreConformance):
    """Without which the failures of the broken stores would mean nothing."""

    shared = False

    @pytest.fixture
    def make_store(self) -> MakeStore:
        data: broken.Data = {}
        return lambda: RightStore(data)


class TestOwnerlessStore(StoreConformance):
    """A store need not have the optional methods, if it says so."""

    shared = False
    finds_by_owner = False
    ends_everything = False
    counts_sessions = False
    scans_sessions = False

    @pytest.fixture
    def make_store(self) -> MakeStore:
        data: broken.Data = {}
        return lambda: _Ownerless(data)


class _Ownerless(RightStore):
    async def owned_by(self, owner: str) -> list[tuple[str, Any]]:
        raise NotImplementedError

    async def delete_older(self, moment: float) -> int:
        raise NotImplementedError

    async def count(self) -> int:
        raise NotImplementedError

    def scan(self) -> AsyncIterator[tuple[str, Any]]:
        raise NotImplementedError


class TestLockedFiles(StoreConformance):
    """A store that several processes share, and that has none of the optional methods."""

    finds_by_owner = False
    ends_everything = False
    counts_sessions = False
    scans_sessions = False

    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        return partial(LockedFiles, tmp_path)


class FilesKit(Kit):
    finds_by_owner = False
    ends_everything = False
    counts_sessions = False
    scans_sessions = False


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_kit_catches_what_several_processes_do_to_files_without_a_lock(
    tmp_path: Path, backend: str
) -> None:
    with pytest.raises(AssertionError, match="were told that they"):
        FilesKit().test_one_of_several_processes_wins(partial(FilesWithoutALock, tmp_path), backend)


def test_one_process_alone_would_not_have_shown_it(tmp_path: Path) -> None:
    """Which is why there are several: no race on one event loop finds it."""
    stores: list[Store] = [FilesWithoutALock(tmp_path), FilesWithoutALock(tmp_path)]
    for test in (
        FilesKit().test_one_writer_of_a_version_wins,
        FilesKit().test_compare_and_set_counts_exactly,
    ):
        anyio.run(test, stores)


def test_what_goes_wrong_in_another_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"NotADirectoryError|FileNotFoundError"):
        FilesKit().test_one_of_several_processes_wins(partial(LockedFiles, tmp_path / "none"), "asyncio")


WITHOUT_OPTIONS = """
import pytest
from pathlib import Path
from sessions.testing import StoreConformance
from stores.files import LockedFiles

class TestFiles(StoreConformance):
    backends = ("asyncio",)

    @pytest.fixture
    def make_store(self, tmp_path):
        return lambda: LockedFiles(tmp_path)
"""


def test_a_missing_method_is_one_failure_that_names_the_attribute(tmp_path: Path) -> None:
    (tmp_path / "test_files.py").write_text(WITHOUT_OPTIONS)
    tests = Path(__file__).parent.parent
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--rootdir",
            str(tmp_path),
            str(tmp_path),
            "-k",
            "not dictionary",
        ],
        env={**os.environ, "PYTHONPATH": f"{tests}:{tests.parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (
        "LockedFiles has no owned_by, no delete_older, no count and no scan: write it, or say"
        " finds_by_owner = False, ends_everything = False, counts_sessions = False and"
        " scans_sessions = False in TestFiles" in done.stdout
    )
    assert re.search(r"^1 failed, [3-9]\d passed", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize(("wrong", "test"), CAUGHT, ids=lambda each: getattr(each, "__name__", each))
def test_the_kit_catches(wrong: type[RightStore], test: str) -> None:
    assert fails(wrong, test)


def fails(store: type[RightStore], test: str) -> bool:
    """Whether one test of the kit fails for the store, with any of its parameters."""
    method = getattr(Kit(), test)
    failed = False
    for parameters in parameters_of(method):
        data: broken.Data = {}
        make_store = partial(store, data)
        fixtures = {
            "make_store": make_store,
            "anyio_backend": "asyncio",
            "store": (first := make_store()),
            "stores": [first, make_store()],
        }
        wanted = [name for name in inspect.signature(method).parameters if name in fixtures]
        call = partial(method, **parameters, **{name: fixtures[name] for name in wanted})
        try:
            anyio.run(call) if inspect.iscoroutinefunction(method) else call()
        except* (AssertionError, KeyError, TimeoutError):
            failed = True
    return failed


def parameters_of(method: Any) -> list[dict[str, Any]]:
    marks = [mark for mark in getattr(method, "pytestmark", ()) if mark.name == "parametrize"]
    return [{mark.args[0]: value} for mark in marks for value in mark.args[1]] or [{}]
