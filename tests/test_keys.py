"""SEAL-5: which keys are taken, what is said of the others, and what is remembered of opened seals."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pages import PAGES
from pydantic import SecretBytes, SecretStr
from starlette.datastructures import Secret
from support import KEY, OTHER_KEY, Clock

from sessions import iron
from sessions._cookie_header import MAX_COOKIE
from sessions._keys import KeyRing, Sealing
from sessions.iron import InvalidSeal, Sealer

ROOT = Path(__file__).parent.parent
MAKE_ONE = "make one with python -c 'import secrets; print(secrets.token_urlsafe(32))'"
EXAMPLE = "password_at_least_32_characters_long"
SHORT = "hunter2-and-some-more"


class Text(str):
    """Text of a class of its own."""


def sealing(keys: Any) -> Sealing:
    """What seals with these keys, without a purpose: as Iron itself does."""
    return KeyRing(keys).sealing("")


@pytest.mark.promise("SEAL-5")
class TestGoodKeys:
    @pytest.mark.parametrize(
        "keys",
        [
            KEY,
            Text(KEY),
            Secret(KEY),
            SecretStr(KEY),
            lambda: KEY,
            lambda: Secret(KEY),
            lambda: SecretStr(KEY),
            [KEY],
            (Secret(KEY), OTHER_KEY),
            [SecretStr(KEY), lambda: OTHER_KEY],
            [lambda: KEY, Secret(OTHER_KEY)],
        ],
    )
    def test_each_kind_seals_with_its_text(self, keys: Any) -> None:
        assert iron.unseal(sealing(keys).seal(b"7"), KEY) == 7

    @pytest.mark.parametrize("key", [KEY[:32], "ab" * 16, "é" * 31 + "e"])
    def test_32_characters_are_enough_unless_all_are_the_same(self, key: str) -> None:
        assert iron.unseal(sealing(key).seal(b"7"), key) == 7

    def test_the_second_of_any_kind_opens(self) -> None:
        sealed = Sealer(OTHER_KEY).seal(b"7")
        for second in (OTHER_KEY, Secret(OTHER_KEY), SecretStr(OTHER_KEY), lambda: OTHER_KEY):
            assert sealing([KEY, second]).opened(sealed)[0] == b"7"

    def test_starlette_is_not_imported_and_need_not_be_there(self) -> None:
        script = f"""
import sys
sys.modules["starlette"] = sys.modules["starlette.datastructures"] = None
from sessions._keys import KeyRing
KeyRing({KEY!r})
try:
    KeyRing(5)
except TypeError as fault:
    print(fault)
"""
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.startswith("encryption_key is of type int, and must be text")


THE_KEY = "encryption_key"
THE_RESULT = "what the function encryption_key returns"
TOO_SHORT = "has 21 characters, at least 32 are needed"
PRINTED = "is printed in a manual, so everybody knows it"
ONE_CHARACTER = "is one character repeated, which can be guessed"


def refused(kind: type[Exception], keys: Any, complaint: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        KeyRing(keys)
    assert type(caught.value) is kind
    assert str(caught.value) == f"{complaint}; {MAKE_ONE}"
    assert not any(secret in str(caught.value) for secret in (KEY, OTHER_KEY, SHORT, "xxx", "Iron"))
    assert caught.value.__context__ is None  # there is no error behind it that would show one


@pytest.mark.promise("SEAL-5")
@pytest.mark.parametrize(
    ("keys", "name", "found"),
    [
        (KEY.encode(), THE_KEY, "bytes"),
        (bytearray(KEY.encode()), THE_KEY, "bytearray"),
        (SecretBytes(KEY.encode()), THE_KEY, "SecretBytes"),
        (5, THE_KEY, "int"),
        ({}, THE_KEY, "dict"),
        ({"a": KEY}, THE_KEY, "dict"),
        ({KEY}, THE_KEY, "set"),  # it has no first
        (iter([KEY]), THE_KEY, "list_iterator"),
        (lambda: None, THE_RESULT, "NoneType"),
        (KEY.encode, THE_RESULT, "bytes"),
        (lambda: [KEY], THE_RESULT, "list"),
        ([None, KEY], "encryption_key[0]", "NoneType"),
        ([KEY, KEY.encode()], "encryption_key[1]", "bytes"),
        ([KEY, [KEY]], "encryption_key[1]", "list"),
        ((KEY, dict), "what the function encryption_key[1] returns", "dict"),
    ],
)
def test_what_is_no_text_is_a_type_error(keys: Any, name: str, found: str) -> None:
    refused(TypeError, keys, f"{name} is of type {found}, and must be text")


@pytest.mark.promise("SEAL-5")
@pytest.mark.parametrize(
    ("keys", "name", "fault"),
    [
        ([], THE_KEY, "is an empty list, and needs at least one key"),
        ("", THE_KEY, "has 0 characters, at least 32 are needed"),
        (KEY[:31], THE_KEY, "has 31 characters, at least 32 are needed"),
        (SHORT, THE_KEY, TOO_SHORT),
        (Secret(SHORT), THE_KEY, TOO_SHORT),
        (SecretStr(SHORT), THE_KEY, TOO_SHORT),
        (lambda: SHORT, THE_RESULT, TOO_SHORT),
        ("x" * 40, THE_KEY, ONE_CHARACTER),
        (KEY + "\ud800", THE_KEY, "has half a surrogate pair in it, which is no Unicode text"),
        ((KEY, OTHER_KEY, SHORT), "encryption_key[2]", TOO_SHORT),
        ([KEY, "x" * 32], "encryption_key[1]", ONE_CHARACTER),
        (EXAMPLE, THE_KEY, PRINTED),
        ([KEY, lambda: EXAMPLE], "what the function encryption_key[1] returns", PRINTED),
        ([KEY, lambda: SHORT], "what the function encryption_key[1] returns", TOO_SHORT),
    ],
)
def test_a_text_that_is_no_key_is_a_value_error(keys: Any, name: str, fault: str) -> None:
    refused(ValueError, keys, f"{name} {fault}")


@pytest.mark.promise("SEAL-5")
def test_each_example_key_of_the_manuals_is_refused() -> None:
    """Whoever copies an example copies its key."""
    pages = [*PAGES, *(ROOT / "sessions").rglob("*.py"), *(ROOT / "reference_server").rglob("*.py")]
    quoted = re.compile(r"""["']([\w-]*(?:password|secret|key)[\w-]*)["']""")
    found = {key for page in pages for key in quoted.findall(page.read_text("utf-8")) if len(key) >= 32}
    assert EXAMPLE in found
    for key in found:
        refused(ValueError, key, f"{THE_KEY} {PRINTED}")


@pytest.mark.promise("SEAL-5")
def test_what_a_function_returns_is_looked_at_again_when_it_changes() -> None:
    answers: list[Any] = [KEY]
    ring = sealing([OTHER_KEY, lambda: answers[-1]])
    for answer, kind in ((SHORT, ValueError), (None, TypeError), ("x" * 40, ValueError)):
        answers.append(answer)
        with pytest.raises(kind, match=r"^what the function encryption_key\[1\] returns ") as caught:
            ring.opened(Sealer(OTHER_KEY).seal(b"7"))
        assert SHORT not in str(caught.value)
    answers.append(KEY)
    assert ring.opened(Sealer(KEY).seal(b"7"))[0] == b"7"


@pytest.mark.promise("SEAL-3")
def test_what_is_made_of_a_key_is_kept_until_a_function_returns_another() -> None:
    key = [KEY]
    ring = sealing(lambda: Secret(key[0]))
    first = ring.sealer
    assert ring.sealer is first
    key[0] = OTHER_KEY
    second = ring.sealer
    assert ring.sealer is second
    assert second is not first


@pytest.mark.promise("SEAL-5")
def test_a_ring_does_not_print_its_keys() -> None:
    ring = KeyRing([KEY, Secret(OTHER_KEY), lambda: OTHER_KEY])
    for shown in (repr(ring), str(ring), f"{ring}", repr(ring.sealing("")), repr(ring.sealing("").sealer)):
        assert KEY not in shown
        assert OTHER_KEY not in shown


# -- what is remembered ------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The seals that were really opened, in turn."""
    really, seals = Sealer.opened, list[str]()

    def opened(self: Sealer, sealed: str, **options: Any) -> tuple[bytes, bool]:
        seals.append(sealed)
        return really(self, sealed, **options)

    monkeypatch.setattr(Sealer, "opened", opened)
    return seals


@pytest.mark.promise("SEAL-3")
class TestRemembered:
    def test_a_seal_that_comes_again_is_not_opened_again(self, opened: list[str]) -> None:
        ring, sealed = sealing(KEY), Sealer(KEY).seal(b"7")
        assert [ring.opened(sealed)[0], ring.opened(sealed)[0]] == [b"7", b"7"]
        assert opened == [sealed]

    def test_one_that_expires_is_not_remembered_beyond_its_end(self, clock: Clock) -> None:
        ring, sealed = sealing(KEY), Sealer(KEY).seal(b"7", ttl=10)
        assert ring.opened(sealed)[0] == b"7"
        clock.go(10 + 59)  # Iron allows clocks to differ by a minute
        assert ring.opened(sealed)[0] == b"7"
        clock.go(1)
        with pytest.raises(InvalidSeal, match="expired"):
            ring.opened(sealed)

    @pytest.mark.parametrize(("length", "times"), [(MAX_COOKIE - 512, 1), (MAX_COOKIE, 2)])
    def test_a_long_one_is_not_remembered(self, opened: list[str], length: int, times: int) -> None:
        ring, sealed = sealing(KEY), Sealer(KEY).seal(b"7" * (length * 3 // 4))
        ring.opened(sealed)
        ring.opened(sealed)
        assert opened == [sealed] * times

    @pytest.mark.parametrize(
        "change",
        [lambda s: s[:-1] + ("A" if s[-1] != "A" else "E"), lambda s: s + "*", lambda s: "", str.swapcase],
    )
    def test_one_that_does_not_open_does_not_open_later(self, change: Callable[[str], str]) -> None:
        ring, sealed = sealing(KEY), Sealer(KEY).seal(b"7")
        ring.opened(sealed)
        for _ in range(2):
            with pytest.raises(InvalidSeal):
                ring.opened(change(sealed))

    def test_a_key_that_is_gone_opens_nothing_that_it_opened_before(self) -> None:
        keys = [KEY]
        ring, sealed = sealing(lambda: keys[0]), Sealer(KEY).seal(b"7")
        assert ring.opened(sealed)[0] == b"7"
        keys[0] = OTHER_KEY
        with pytest.raises(InvalidSeal, match="another password"):
            ring.opened(sealed)
        assert sealing(KEY).opened(sealed)[0] == b"7"

    def test_what_one_ring_opened_another_does_not(self) -> None:
        sealed = Sealer(KEY).seal(b"7")
        sealing(KEY).opened(sealed)
        with pytest.raises(InvalidSeal):
            sealing(OTHER_KEY).opened(sealed)
