"""The conformance kit catches wrong stores, by the test that speaks of what is wrong with them."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import Phase, settings

from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore

from . import broken
from .broken import RightStore

MACHINE = "test_it_answers_like_a_dictionary"

CAUGHT: list[tuple[type[RightStore], str]] = [
    (broken.CreateOverwrites, "test_create_refuses_a_key_that_is_taken"),
    (broken.CreateMeetsTheExpired, "test_create_takes_the_key_of_an_expired_record"),
    (broken.CreateInTwoSteps, "test_one_creator_wins"),
    (broken.LoadShowsTheExpired, "test_an_expired_record_counts_as_absent"),
    (broken.LoadShowsTheExpired, "test_a_record_ends_at_its_moment"),
    (broken.LoadTakesPatterns, "test_a_key_is_only_ever_compared"),
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

    @pytest.fixture
    def make_store(self) -> MakeStore:
        data: broken.Data = {}
        return lambda: RightStore(data)


class TestOwnerlessStore(StoreConformance):
    """A store need not have the optional methods, if it says so."""

    finds_by_owner = False
    ends_everything = False

    @pytest.fixture
    def make_store(self) -> MakeStore:
        data: broken.Data = {}
        return lambda: _Ownerless(data)


class _Ownerless(RightStore):
    async def owned_by(self, owner: str) -> list[tuple[str, Any]]:
        raise NotImplementedError

    async def delete_older(self, moment: float) -> int:
        raise NotImplementedError


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
