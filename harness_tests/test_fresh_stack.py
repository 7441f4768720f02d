"""A test on a call stack of its own sees and raises what it would on pytest's."""

import inspect

import pytest

from e2e.browser.fresh_stack import on_a_fresh_stack


def depth() -> int:
    return len(inspect.stack())


def test_a_test_on_a_fresh_stack_has_only_its_own_frames_below_it() -> None:
    assert depth() > 10
    assert on_a_fresh_stack(depth)() == 1


def test_arguments_results_and_attributes_are_the_functions_own() -> None:
    def joined(*words: str, end: str) -> str:
        return " ".join(words) + end

    joined.scenario = "kept"  # type: ignore[attr-defined]
    assert on_a_fresh_stack(joined)("one", "two", end="!") == "one two!"
    assert on_a_fresh_stack(joined).scenario == "kept"  # type: ignore[attr-defined]


def test_a_failure_is_raised_with_its_own_traceback() -> None:
    def fails() -> None:
        raise AssertionError("the reason")

    with pytest.raises(AssertionError, match="the reason") as caught:
        on_a_fresh_stack(fails)()
    assert caught.traceback[-1].name == "fails"
