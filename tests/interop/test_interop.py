"""Iron in two languages: what either side seals, the other opens. Needs Node; `make interop` sets it up.

The payloads are made up anew from a fixed seed, so that a failure can be looked at again.
"""

from __future__ import annotations

import json
import random
import string
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sessions import iron

HERE = Path(__file__).parent
LIBRARIES = ("@hapi/iron", "iron-webcrypto 1", "iron-webcrypto 2")
PAYLOADS = 1200
LARGE = 4096
"""Bytes of the largest texts: a whole cookie."""

PASSWORD = "password_at_least_32_characters_long"
OTHER = "another_password_of_more_than_32_characters, with ü and ☃"
KEY = bytes(range(32))

# Each kind of password as Python and as JavaScript has it.
KINDS: list[tuple[iron.Secret | iron.Password, dict[str, str]]] = [
    (PASSWORD, {"text": PASSWORD}),
    (OTHER, {"text": OTHER}),
    (iron.Password(PASSWORD, id="k1"), {"id": "k1", "secret": PASSWORD}),
    (iron.Password(PASSWORD, OTHER, id="k2"), {"id": "k2", "encryption": PASSWORD, "integrity": OTHER}),
    (KEY, {"hex": KEY.hex()}),
]


def ask(library: str, action: str, items: list[dict[str, Any]]) -> list[Any]:
    """What the JavaScript library makes of each item; an error is an `Exception` in the list."""
    job = json.dumps({"library": library, "action": action, "items": items})
    done = subprocess.run(
        ["node", "peer.mjs"], check=False, cwd=HERE, input=job, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert len(answers) == len(items)
    return [ValueError(each["error"]) if "error" in each else each.get("value") for each in answers]


def text(source: random.Random) -> str:
    kind = source.random()
    if kind < 0.2:
        return ""
    if kind < 0.5:
        return "".join(source.choices(string.printable, k=source.randint(1, 40)))
    if kind < 0.95:
        # All of Unicode but the surrogates, which are no characters.
        ranges = ((0, 0x7F), (0x80, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF))
        return "".join(chr(source.randint(*source.choice(ranges))) for _ in range(source.randint(1, 30)))
    return "x" * source.choice([300, LARGE - 1, LARGE])


def number(source: random.Random) -> int | float:
    """Within what JavaScript's numbers can hold exactly."""
    special = [0, 1, -1, 2**53, -(2**53), 5e-324, 1e21, 1e-7, 0.1 + 0.2]
    return source.choice(
        [*special, source.randint(-(2**53), 2**53), source.random(), source.uniform(-1e300, 1e300)]
    )


def value(source: random.Random, depth: int = 0) -> Any:
    kind = source.random()
    if depth < 6 and kind < 0.2:
        return [value(source, depth + 1) for _ in range(source.randint(0, 5))]
    if depth < 6 and kind < 0.5:
        return {text(source): value(source, depth + 1) for _ in range(source.randint(0, 5))}
    return source.choice([None, True, False, text(source), number(source)])


def deep() -> Any:
    nested: Any = 1
    for level in range(100):
        nested = [nested] if level % 2 else {"d": nested}
    return nested


@cache
def payloads() -> list[Any]:
    source = random.Random(2026)
    # No key `__proto__`: @hapi/iron seals it and then refuses to open it.
    special = [{}, [], "", None, 0, deep(), {"snow": "☃" * (LARGE // 3)}, {"": ""}, {"constructor": {}}]
    return special + [value(source) for _ in range(PAYLOADS - len(special))]


def differences(found: list[Any]) -> list[str]:
    pairs = zip(payloads(), found, strict=True)
    return [f"{expected!r} came back as {each!r}" for expected, each in pairs if each != expected]


@pytest.mark.parametrize("library", LIBRARIES)
def test_javascript_opens_what_python_sealed(library: str) -> None:
    items = []
    for place, payload in enumerate(payloads()):
        password, theirs = KINDS[place % len(KINDS)]
        items.append({"password": theirs, "sealed": iron.seal(payload, password, ttl=3600 * (place % 2))})
    assert differences(ask(library, "unseal", items)) == []


@pytest.mark.parametrize("library", LIBRARIES)
def test_python_opens_what_javascript_sealed(library: str) -> None:
    items = [
        {"password": KINDS[place % len(KINDS)][1], "value": payload, "ttl": 3600 * (place % 2)}
        for place, payload in enumerate(payloads())
    ]
    sealed = ask(library, "seal", items)
    found = [iron.unseal(seal, KINDS[place % len(KINDS)][0]) for place, seal in enumerate(sealed)]
    assert differences(found) == []


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_seal_for_a_purpose_opens_with_the_keys_that_the_documentation_names(library: str) -> None:
    theirs = {"text": OTHER, "purpose": "an invitation ☃"}
    sealed = [iron.seal(payload, OTHER, purpose="an invitation ☃") for payload in payloads()]
    found = ask(library, "unseal", [{"password": theirs, "sealed": each} for each in sealed])
    assert differences(found) == []
    for payload in ask(library, "seal", [{"password": theirs, "value": {"user": 7}, "ttl": 0}]):
        assert iron.unseal(payload, OTHER, purpose="an invitation ☃") == {"user": 7}
        with pytest.raises(iron.InvalidSeal):
            iron.unseal(payload, OTHER)


@pytest.mark.parametrize("library", LIBRARIES)
def test_both_refuse_a_seal_that_was_altered_anywhere(library: str) -> None:
    sealed = iron.seal({"user": 7}, PASSWORD, ttl=3600)
    altered = [
        f"{sealed[:place]}{'A' if character != 'A' else 'B'}{sealed[place + 1 :]}"
        for place, character in enumerate(sealed)
    ]
    theirs = ask(library, "unseal", [{"password": {"text": PASSWORD}, "sealed": seal} for seal in altered])
    # The last character of a base64url field has bits to spare, which some decoders ignore.
    accepted = [place for place, answer in enumerate(theirs) if not isinstance(answer, ValueError)]
    assert set(accepted) <= {len(sealed) - 1}
    for seal in altered:
        with pytest.raises(iron.InvalidSeal):
            iron.unseal(seal, PASSWORD)


@pytest.mark.parametrize("library", LIBRARIES)
def test_both_refuse_another_password_and_an_expired_seal(library: str) -> None:
    old = iron.seal(1, PASSWORD, ttl=1, now=1_700_000_000)
    fresh = iron.seal(1, PASSWORD)
    jobs = [{"password": {"text": PASSWORD}, "sealed": old}, {"password": {"text": OTHER}, "sealed": fresh}]
    assert [type(answer) for answer in ask(library, "unseal", jobs)] == [ValueError, ValueError]
    for sealed, password in ((old, PASSWORD), (fresh, OTHER)):
        with pytest.raises(iron.InvalidSeal):
            iron.unseal(sealed, password)


@pytest.mark.parametrize("library", LIBRARIES)
def test_both_refuse_a_password_of_31_characters(library: str) -> None:
    short = "x" * (iron.MIN_PASSWORD_LENGTH - 1)
    (answer,) = ask(library, "seal", [{"password": {"text": short}, "value": 1, "ttl": 0}])
    assert isinstance(answer, ValueError)
    with pytest.raises(ValueError, match="32"):
        iron.seal(1, short)


def test_iron_sessions_cookies_open_in_python() -> None:
    items = [
        {"password": {"text": PASSWORD}, "value": {"user": payload}, "ttl": 3600} for payload in payloads()
    ]
    cookies = ask("iron-session", "seal", items)
    assert all(cookie.endswith("~2") for cookie in cookies)
    assert differences([iron.unseal(cookie.removesuffix("~2"), PASSWORD)["user"] for cookie in cookies]) == []


def test_iron_session_opens_pythons_seals_as_its_cookies() -> None:
    password = iron.Password(PASSWORD, id="1")
    items = [
        {"password": {"text": PASSWORD}, "sealed": iron.seal({"user": payload}, password) + "~2"}
        for payload in payloads()
    ]
    assert differences([answer["user"] for answer in ask("iron-session", "unseal", items)]) == []
