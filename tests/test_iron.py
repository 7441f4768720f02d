"""Iron seals: the real ones open, ours are theirs byte for byte, and nothing else opens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import os
import pickle
import string
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from sessions import iron
from sessions.iron import InvalidSeal, Password, Sealer, seal, unseal

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data"
VECTORS: dict[str, Any] = json.loads((DATA / "iron-vectors.json").read_text("utf-8"))
BY_HONO: list[dict[str, Any]] = VECTORS["examples"] + VECTORS["v2_examples"]
BY_OTHERS: list[dict[str, Any]] = json.loads((DATA / "iron-options.json").read_text("utf-8"))

PASSWORD = "password_at_least_32_characters_long"
OTHER = "another_password_of_more_than_32_characters"
KEY = bytes(range(32))
NOW = 1_700_000_000.0

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(string.printable), inner, max_size=5),
    max_leaves=30,
)


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(base: str, mac_salt: str = "5" * 64, password: str = PASSWORD) -> str:
    """Any first six fields with a mac that is right: what only a holder of the password can make."""
    key = hashlib.pbkdf2_hmac("sha1", password.encode(), mac_salt.encode(), 1, 32)
    return f"{base}*{mac_salt}*{base64url(hmac.digest(key, base.encode(), 'sha256'))}"


def salts_in(sealed: str) -> tuple[str, str]:
    fields = sealed.split("*")
    return fields[2], fields[6]


def random_block_of(iv: str, salt: str, password: str = PASSWORD) -> bytes:
    """What the iv of a sealer's first seal was made of: the block is encrypted, and AES only permutes."""
    key = hashlib.pbkdf2_hmac("sha1", password.encode(), salt.encode(), 1, 32)
    block: bytes = Cipher(AES(key), CBC(bytes(16))).decryptor().update(base64.urlsafe_b64decode(iv + "=="))
    return block


def reason(sealed: str, password: Any = PASSWORD, **options: Any) -> str:
    with pytest.raises(InvalidSeal) as caught:
        unseal(sealed, password, **options)
    return caught.value.reason


def password_of(example: dict[str, Any]) -> Password:
    given = dict(example["password"])
    for name in [name for name in given if name.endswith("_hex")]:
        given[name.removesuffix("_hex")] = bytes.fromhex(given.pop(name))
    return Password(**given)


class TestOtherImplementations:
    @pytest.mark.promise("SEAL-1")
    @pytest.mark.parametrize("example", BY_HONO, ids=lambda example: example["what"])
    def test_what_a_hono_app_sealed_opens(self, example: dict[str, Any]) -> None:
        assert unseal(example["sealed"], example["password"]) == example["payload"]

    @pytest.mark.promise("SEAL-1")
    @pytest.mark.parametrize("example", BY_HONO, ids=lambda example: example["what"])
    def test_with_the_same_randomness_we_write_the_same_seal(self, example: dict[str, Any]) -> None:
        _, _, salt, iv, _, _, mac_salt, _ = example["sealed"].split("*")
        block = random_block_of(iv, salt, example["password"])
        randomness = bytes.fromhex(salt) + bytes.fromhex(mac_salt) + block
        sealer = Sealer(example["password"], _random=lambda length: randomness[:length])
        text = json.dumps(example["payload"], ensure_ascii=False, separators=(",", ":")).encode()
        assert sealer.seal(text) == example["sealed"]

    @pytest.mark.promise("SEAL-1")
    @pytest.mark.parametrize("example", BY_OTHERS, ids=lambda e: f"{e['made_with']}: {e['what']}")
    def test_every_kind_of_password_opens(self, example: dict[str, Any]) -> None:
        sealed = example["sealed"].removesuffix("~2")  # iron-session's own suffix
        expiry = sealed.split("*")[5]
        now = int(expiry) / 1000 - 1 if expiry else None
        assert unseal(sealed, password_of(example), now=now) == example["payload"]
        assert reason(sealed, OTHER * 2, now=now) == "bad_mac"

    def test_an_expired_seal_of_theirs_is_expired(self) -> None:
        example = next(each for each in BY_OTHERS if each["what"] == "expires after an hour")
        after = int(example["sealed"].split("*")[5]) / 1000 + 60.001
        assert reason(example["sealed"], password_of(example), now=after) == "expired"


class TestRoundTrip:
    @given(json_values)
    def test_any_json_value_comes_back(self, value: Any) -> None:
        assert unseal(seal(value, PASSWORD), PASSWORD) == value

    @given(st.binary(max_size=100))
    def test_a_sealer_carries_bytes_of_any_length(self, plaintext: bytes) -> None:
        sealer = Sealer(PASSWORD)
        assert sealer.unseal(sealer.seal(plaintext)) == plaintext

    def test_a_seal_is_made_of_eight_fields_that_cookies_and_urls_can_carry(self) -> None:
        fields = seal({"a": 1}, PASSWORD).split("*")
        assert len(fields) == 8
        prefix, key_id, salt, iv, ciphertext, expiry, mac_salt, mac = fields
        assert (prefix, key_id, expiry) == ("Fe26.2", "", "")
        assert {len(salt), len(mac_salt)} == {64}
        assert set(salt + mac_salt) <= set("0123456789abcdef")
        assert [len(iv), len(ciphertext), len(mac)] == [22, 22, 43]
        assert set(iv + ciphertext + mac) <= set(string.ascii_letters + string.digits + "-_")

    def test_no_two_seals_of_the_function_share_a_salt_or_an_iv(self) -> None:
        first, second = seal(1, PASSWORD).split("*"), seal(1, PASSWORD).split("*")
        assert first[2] != first[6]
        assert not {first[2], first[3], first[6]} & {second[2], second[3], second[6]}

    @pytest.mark.parametrize(
        "value",
        [float("nan"), [float("inf")], {"a": [None, -float("inf")]}, "\ud800", object(), {None: 1}],
        ids=lambda value: "object" if type(value) is object else repr(value),
    )
    def test_what_json_cannot_hold_is_refused(self, value: Any) -> None:
        with pytest.raises((TypeError, ValueError)):
            seal(value, PASSWORD)


class TestSharedSalts:
    """A `Sealer` makes many seals with one pair of salts."""

    def test_seals_of_one_sealer_share_their_salts_and_never_an_iv(self) -> None:
        sealer = Sealer(PASSWORD)
        seals = [sealer.seal(b"7") for _ in range(1000)]
        assert len({salts_in(each) for each in seals}) == 1
        assert len({each.split("*")[3] for each in seals}) == 1000
        assert {unseal(each, PASSWORD) for each in seals} == {7}
        assert salts_in(Sealer(PASSWORD).seal(b"7")) != salts_in(seals[0])

    def test_after_so_many_seals_it_draws_new_ones(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(iron, "SEALS_PER_SALT", 3)
        sealer = Sealer(PASSWORD)
        seals = [sealer.seal(b"7") for _ in range(8)]
        assert [len(list(group)) for _, group in itertools.groupby(seals, salts_in)] == [3, 3, 2]
        assert {unseal(each, PASSWORD) for each in seals} == {7}

    def test_the_bound_leaves_the_room_that_its_documentation_says(self) -> None:
        processes, blocks_of_a_megabyte = 2**16, 2**20 // 16
        assert iron.SEALS_PER_SALT * blocks_of_a_megabyte * processes <= 2**48

    def test_randomness_is_used_in_this_order(self) -> None:
        asked: list[int] = []

        def random(length: int) -> bytes:
            asked.append(length)
            return bytes(range(sum(asked) - length, sum(asked)))

        sealer = Sealer(PASSWORD, _random=random)
        first, second = sealer.seal(b"7").split("*"), sealer.seal(b"7").split("*")
        assert (first[2], first[6]) == (bytes(range(32)).hex(), bytes(range(32, 64)).hex())
        assert random_block_of(first[3], first[2]) == bytes(range(64, 80))
        assert (second[2], second[6]) == (first[2], first[6])
        assert asked == [80, 16]

    def test_an_iv_is_a_random_block_encrypted_with_what_came_before(self) -> None:
        """The same block makes another iv after another message, and another block another iv in any case."""
        blocks = iter([b"s" * 64 + b"1" * 16, b"1" * 16, b"2" * 16])
        sealer = Sealer(PASSWORD, _random=lambda _: next(blocks))
        seals = [sealer.seal(b"7").split("*") for _ in range(3)]
        end_of_message = bytes(16)
        for fields, block in zip(seals, (b"1", b"1", b"2"), strict=True):
            before = int.from_bytes(random_block_of(fields[3], fields[2]), "big")
            assert before == int.from_bytes(block * 16, "big") ^ int.from_bytes(end_of_message, "big")
            end_of_message = base64.urlsafe_b64decode(fields[4] + "==")[-16:]
        assert len({fields[3] for fields in seals}) == 3

    @given(st.lists(st.binary(max_size=70), min_size=2, max_size=5))
    def test_a_seal_is_plain_aes_cbc_whatever_was_sealed_before(self, plaintexts: list[bytes]) -> None:
        sealer = Sealer(KEY)
        for plaintext in plaintexts:
            fields = sealer.seal(plaintext).split("*")
            iv, ciphertext = (base64.urlsafe_b64decode(field + "==") for field in fields[3:5])
            decryptor = Cipher(AES(KEY), CBC(iv)).decryptor()
            padded = decryptor.update(ciphertext) + decryptor.finalize()
            length = 16 - len(plaintext) % 16
            assert padded == plaintext + bytes([length]) * length

    def test_equal_salts_are_no_equal_use(self) -> None:
        """The same salt may stand in both places. One memory for both would mix up what is derived."""
        sealer = Sealer(PASSWORD, _random=lambda length: b"x" * length)
        sealed = sealer.seal(b"7")
        assert len(set(salts_in(sealed))) == 1
        assert [sealer.unseal(sealed) for _ in range(3)] == [b"7"] * 3

    def test_threads_share_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(iron, "SEALS_PER_SALT", 50)
        sealer = Sealer(PASSWORD)
        often = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(8) as pool:
                seals = list(pool.map(lambda number: sealer.seal(b"%d" % number), range(4000)))
                opened = list(pool.map(sealer.unseal, seals))
        finally:
            sys.setswitchinterval(often)
        assert opened == [b"%d" % number for number in range(4000)]
        assert len({each.split("*")[3] for each in seals}) == 4000
        assert max(Counter(map(salts_in, seals)).values()) <= 50

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
    def test_forked_processes_seal_on(self) -> None:
        """Also when another thread of the parent is in the middle of a seal. In a process without pytest."""
        seals = printed_by(FORKS)
        assert len(seals) == 51
        assert [unseal(each, PASSWORD) for each in seals] == list(range(51))
        assert len({each.split("*")[3] for each in seals}) == 51

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
    def test_processes_of_one_moment_make_other_ivs(self) -> None:
        """They have the same ciphers, at the same place, and nothing happens in the parent between them."""
        seals = printed_by(FORKS_OF_ONE_MOMENT)
        assert len(seals) == 41
        assert len({salts_in(each) for each in seals}) == 1
        assert {unseal(each, PASSWORD) for each in seals} == {7}
        assert len({each.split("*")[3] for each in seals}) == 41


def printed_by(program: str) -> list[str]:
    """The seals that a program prints, in a process without pytest."""
    command = [sys.executable, "-c", program.format(password=PASSWORD)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return done.stdout.split()


FORKS_OF_ONE_MOMENT = """
import os
from sessions.iron import Sealer

sealer = Sealer({password!r})
print(sealer.seal(b"7"), sealer.seal(b"7"), sealer.seal(b"7"), flush=True)
for _ in range(38):
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        os.write(1, sealer.seal(b"7").encode() + b"\\n")
        os._exit(0)
"""

FORKS = """
import os, threading
from sessions.iron import Sealer

sealer, over = Sealer({password!r}), threading.Event()
print(sealer.seal(b"0"), flush=True)

def seal_all_the_time():
    while not over.is_set():
        sealer.seal(b"7")

thread = threading.Thread(target=seal_all_the_time)
thread.start()
for number in range(1, 51):
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        os.write(1, sealer.seal(b"%d" % number).encode() + b"\\n")
        os._exit(0)
over.set()
thread.join()
"""


class TestRememberedKeys:
    """A `Sealer` derives keys once for each pair of salts, and garbage does not change that."""

    @pytest.fixture
    def derived(self, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
        """The salts of which keys were derived, in turn."""
        really, salts = hashlib.pbkdf2_hmac, list[bytes]()

        def pbkdf2_hmac(name: str, password: bytes, salt: bytes, *rest: int) -> bytes:
            salts.append(salt)
            return really(name, password, salt, *rest)

        monkeypatch.setattr(hashlib, "pbkdf2_hmac", pbkdf2_hmac)
        return salts

    def test_many_seals_are_made_with_two_derivations(self, derived: list[bytes]) -> None:
        sealer = Sealer(PASSWORD)
        seals = [sealer.seal(b"7") for _ in range(100)]
        assert derived == [salt.encode() for salt in salts_in(seals[0])]

    def test_many_seals_are_opened_with_two_derivations(self, derived: list[bytes]) -> None:
        ours, theirs = Sealer(PASSWORD), Sealer(PASSWORD)
        seals = [theirs.seal(b"%d" % number) for number in range(100)]
        derived.clear()
        assert [ours.unseal(each) for each in seals] == [b"%d" % number for number in range(100)]
        assert len(derived) == 2

    def test_garbage_pushes_nothing_out(self, derived: list[bytes]) -> None:
        sealer, sealed = Sealer([OTHER, PASSWORD]), seal(1, PASSWORD)
        sealer.unseal(sealed)
        for number in range(2 * iron.REMEMBERED_SALTS):
            made_up = f"{number:064}"
            with pytest.raises(InvalidSeal):
                sealer.unseal(f"Fe26.2**{made_up}*{'A' * 22}*{'A' * 22}**{made_up}*{'A' * 43}")
        derived.clear()
        assert sealer.unseal(sealed) == b"1"
        assert derived == [salts_in(sealed)[1].encode()], "the first password alone tries again"

    @pytest.mark.parametrize("password", [PASSWORD, Password(PASSWORD, OTHER)])
    def test_the_memory_is_bounded_and_what_it_lost_opens(
        self, password: str | Password, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(iron, "REMEMBERED_SALTS", 10)
        sealer = Sealer(password)
        seals = [seal(number, password) for number in range(35)]
        for each, number in [*zip(seals, range(35), strict=True)] * 2:
            assert sealer.unseal(each) == b"%d" % number
            for kind in (sealer._sealing.encryption, sealer._sealing.integrity):
                assert 1 <= len(kind._known) <= 10

    def test_after_it_was_full_it_remembers_anew(
        self, derived: list[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(iron, "REMEMBERED_SALTS", 10)
        sealer = Sealer(PASSWORD)
        for number in range(10):
            sealer.unseal(seal(number, PASSWORD))
        last = seal(10, PASSWORD)
        sealer.unseal(last)
        derived.clear()
        assert sealer.unseal(last) == b"10"
        assert derived == []

    def test_a_remembered_salt_helps_no_altered_seal(self) -> None:
        sealer = Sealer(PASSWORD)
        sealed = sealer.seal(b"7")
        sealer.unseal(sealed)
        for index, original in enumerate(sealed):
            altered = sealed[:index] + ("A" if original != "A" else "B") + sealed[index + 1 :]
            with pytest.raises(InvalidSeal):
                sealer.unseal(altered)

    def test_one_password_does_not_use_what_another_derived_from_the_same_salts(self) -> None:
        both = Sealer([PASSWORD, OTHER])
        seals = [Sealer(each, _random=lambda n: b"x" * n).seal(each.encode()) for each in (PASSWORD, OTHER)]
        assert salts_in(seals[0]) == salts_in(seals[1])
        assert [both.unseal(each).decode() for each in seals * 2] == [PASSWORD, OTHER] * 2

    def test_a_key_of_bytes_needs_none(self, derived: list[bytes]) -> None:
        sealer = Sealer(KEY)
        assert [sealer.unseal(sealer.seal(b"7")) for _ in range(3)] == [b"7"] * 3
        assert derived == []


class TestExpiry:
    @pytest.mark.parametrize(("ttl", "field"), [(0, ""), (1, "1700000001000"), (0.5, "1700000000500")])
    def test_ttl_is_in_seconds_and_the_field_in_milliseconds(self, ttl: float, field: str) -> None:
        assert seal(1, PASSWORD, ttl=ttl, now=NOW).split("*")[5] == field

    def test_it_opens_until_the_skew_after_its_expiry_and_not_at_it(self) -> None:
        sealed = seal(1, PASSWORD, ttl=10, now=NOW)
        assert unseal(sealed, PASSWORD, now=NOW + 69.999) == 1
        assert reason(sealed, now=NOW + 70) == "expired"
        assert unseal(sealed, PASSWORD, now=NOW + 9.999, timestamp_skew=0) == 1
        assert reason(sealed, now=NOW + 10, timestamp_skew=0) == "expired"

    def test_the_clock_is_the_systems_unless_given(self) -> None:
        assert unseal(seal(1, PASSWORD, ttl=5), PASSWORD, timestamp_skew=0) == 1
        assert reason(seal(1, PASSWORD, ttl=5, now=time.time() - 5), timestamp_skew=0) == "expired"

    def test_a_seal_of_another_password_is_never_called_expired(self) -> None:
        assert reason(seal(1, OTHER, ttl=1, now=1), PASSWORD) == "bad_mac"

    @pytest.mark.parametrize("ttl", [-1, float("nan"), float("inf"), 1e300])
    def test_a_ttl_that_is_no_duration_is_refused(self, ttl: float) -> None:
        with pytest.raises(ValueError, match="ttl"):
            seal(1, PASSWORD, ttl=ttl)


class TestPasswords:
    @pytest.mark.promise("SEAL-5")
    @pytest.mark.parametrize("secret", ["", "x" * 31, b"x" * 31, b"x" * 33, "\ud800" * 32])
    def test_a_secret_that_iron_cannot_use_is_refused_at_once(self, secret: str | bytes) -> None:
        for make in (Password, Sealer, lambda s: Sealer([PASSWORD, s]), lambda s: Sealer({"a": s})):
            with pytest.raises(ValueError, match=r"^an Iron (password|encryption key) ") as caught:
                make(secret)
            assert not secret or repr(secret)[1:-1] not in str(caught.value)

    def test_what_is_not_text_or_bytes_is_a_type_error(self) -> None:
        with pytest.raises(TypeError):
            Password(None)  # type: ignore[arg-type]

    def test_no_password_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least one"):
            Sealer([])
        with pytest.raises(ValueError, match="at least one"):
            Sealer({})

    @pytest.mark.parametrize("key_id", ["a*b", "a b", "é", "a\n", "~"])
    def test_an_id_that_a_seal_cannot_carry_is_refused(self, key_id: str) -> None:
        with pytest.raises(ValueError, match="id"):
            Password(PASSWORD, id=key_id)

    @pytest.mark.promise("SEAL-3")
    def test_the_first_of_a_list_seals_and_each_opens(self) -> None:
        before, after = Sealer([PASSWORD]), Sealer([OTHER, PASSWORD])
        assert after.unseal(before.seal(b"1")) == b"1"
        assert Sealer([OTHER]).unseal(after.seal(b"1")) == b"1"
        assert reason(after.seal(b"1"), PASSWORD) == "bad_mac"

    @pytest.mark.promise("SEAL-3")
    def test_in_a_list_the_id_chooses(self) -> None:
        passwords = [Password(OTHER, id="new"), Password(PASSWORD, id="old")]
        for password in passwords:
            assert unseal(seal(1, password), passwords) == 1
        assert seal(1, passwords[0]).split("*")[1] == "new"
        assert reason(seal(1, Password(PASSWORD, id="new")), passwords) == "bad_mac"
        assert reason(seal(1, Password(PASSWORD, id="third")), passwords) == "unknown_key"
        assert reason(seal(1, PASSWORD), passwords) == "unknown_key"

    def test_two_passwords_may_share_an_id(self) -> None:
        passwords = [Password(OTHER, id="a"), Password(PASSWORD, id="a")]
        assert [unseal(seal(n, password), passwords) for n, password in enumerate(passwords)] == [0, 1]

    def test_a_password_without_an_id_opens_any_as_in_iron(self) -> None:
        sealed = seal(1, Password(PASSWORD, id="a"))
        assert unseal(sealed, PASSWORD) == 1
        assert unseal(sealed, [Password(OTHER, id="a"), PASSWORD]) == 1

    def test_a_mapping_names_them_as_in_iron(self) -> None:
        passwords: dict[str, str | Password] = {
            "a": OTHER,
            "b": Password(PASSWORD, OTHER),
            "default": PASSWORD,
        }
        assert unseal(seal(1, Password(OTHER, id="a")), passwords) == 1
        assert unseal(seal(2, Password(PASSWORD, OTHER, id="b")), passwords) == 2
        assert unseal(seal(3, PASSWORD), passwords) == 3
        assert reason(seal(1, Password(PASSWORD, id="a")), passwords) == "bad_mac"
        assert reason(seal(1, Password(PASSWORD, id="c")), passwords) == "unknown_key"
        assert reason(seal(1, OTHER), {"a": OTHER}) == "unknown_key"

    def test_both_of_two_secrets_are_needed(self) -> None:
        sealed = seal({"a": 1}, Password(PASSWORD, OTHER))
        assert unseal(sealed, Password(PASSWORD, OTHER)) == {"a": 1}
        assert reason(sealed, Password(PASSWORD, PASSWORD)) == "bad_mac"
        with pytest.raises(InvalidSeal):
            unseal(sealed, Password(OTHER * 2, OTHER))

    def test_bytes_are_the_key_itself_and_leave_the_salts_empty(self) -> None:
        sealed = seal(1, KEY)
        assert unseal(sealed, KEY) == 1
        assert (sealed.split("*")[2], sealed.split("*")[6]) == ("", "")
        mixed = seal(1, Password(PASSWORD, integrity=b"k" * 80))
        assert unseal(mixed, Password(PASSWORD, integrity=b"k" * 80)) == 1
        assert reason(sealed, PASSWORD) == "bad_mac"
        assert reason(seal(1, PASSWORD), KEY) == "bad_mac"


@pytest.mark.parametrize("length", [32, 63, 64, 65, 200])
def test_keys_and_mac_are_what_hashlib_and_hmac_make(length: int) -> None:
    """Around the 64 bytes of a hash block, where HMAC changes its way with a key."""
    password = ("pä" * length)[:length]
    sealed = seal("x", password)
    base, mac_salt, _ = sealed.rsplit("*", 2)
    assert sealed == signed(base, mac_salt, password)


@pytest.mark.promise("SEC-1")
class TestPurposes:
    PASSWORDS: ClassVar[list[Any]] = [
        *(PASSWORD, KEY, Password(PASSWORD, id="k1"), Password(PASSWORD, OTHER, id="k2"), [PASSWORD, OTHER]),
        {"default": PASSWORD, "k1": OTHER},
    ]

    @pytest.mark.parametrize("password", PASSWORDS)
    def test_a_seal_opens_with_its_own_purpose_only(self, password: Any) -> None:
        purposes = ["", "a", "b", "ab", "A", "a\0", "☃", "x" * 1000]
        first = password[0] if isinstance(password, list) else password
        first = first["default"] if isinstance(first, dict) else first
        for made in purposes:
            sealed = seal({"user": 7}, first, purpose=made)
            assert unseal(sealed, password, purpose=made) == {"user": 7}
            for other in set(purposes) - {made}:
                assert reason(sealed, password, purpose=other) == "bad_mac"

    def test_a_context_is_none_of_the_purposes(self) -> None:
        for purpose, context in (("b", b"sessions.iron\0encryption"), ("b", b"a"), ("encryption\0b", b"a")):
            sealed = Sealer(PASSWORD, purpose="b", _context=b"c").seal(b"7")
            with pytest.raises(InvalidSeal, match="another password"):
                Sealer(PASSWORD, purpose=purpose, _context=context).unseal(sealed)

    def test_the_keys_are_what_the_page_says(self) -> None:
        """HKDF (RFC 5869) with one block of output, from its two steps."""

        def derived(use: bytes) -> bytes:
            extracted = hmac.digest(bytes(32), PASSWORD.encode(), "sha256")
            return hmac.digest(extracted, b"sessions.iron\0" + use + b"\0snow \xe2\x98\x83\x01", "sha256")

        sealed = seal({"user": 7}, PASSWORD, purpose="snow ☃")
        assert unseal(sealed, Password(derived(b"encryption"), derived(b"integrity"))) == {"user": 7}
        assert salts_in(sealed) == ("", "")

    def test_each_of_several_keys_opens(self) -> None:
        sealed = Sealer(OTHER, purpose="a").seal(b"7")
        assert Sealer([PASSWORD, OTHER], purpose="a").unseal(sealed) == b"7"

    def test_the_two_keys_of_a_purpose_differ(self) -> None:
        """One that encrypts must not be one that signs."""
        sealer = Sealer(PASSWORD, purpose="a")
        first, second = sealer.seal(b"7"), sealer.seal(b"7")
        assert first.split("*")[3:5] != second.split("*")[3:5]
        for secret in (b"encryption", b"integrity"):
            extracted = hmac.digest(bytes(32), PASSWORD.encode(), "sha256")
            key = hmac.digest(extracted, b"sessions.iron\0" + secret + b"\0a\x01", "sha256")
            assert reason(first, Password(key)) in ("bad_mac", "malformed")

    @pytest.mark.parametrize("purpose", [None, 7, b"a"])
    def test_what_is_no_text_is_a_type_error(self, purpose: Any) -> None:
        with pytest.raises(TypeError, match="the purpose of a seal is text"):
            seal(1, PASSWORD, purpose=purpose)
        with pytest.raises(TypeError, match="the purpose of a seal is text"):
            unseal("", PASSWORD, purpose=purpose)

    def test_what_is_no_unicode_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="purpose of a seal is Unicode"):
            seal(1, PASSWORD, purpose="\ud800")


@pytest.mark.promise("BAD-1")
class TestGarbage:
    """Whatever a browser sends, the outcome is a value or `InvalidSeal`."""

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        assert reason(text) == "malformed"

    @given(st.lists(st.text(alphabet="Fe26.2*aA-_=+/ é\n\0\ud800"), min_size=8, max_size=8))
    def test_any_eight_fields(self, fields: list[str]) -> None:
        assert reason("*".join(fields)) in {"malformed", "bad_mac"}

    @given(st.sampled_from(BY_HONO), st.integers(0, 7), st.text(max_size=80))
    def test_any_field_of_a_real_seal_replaced(self, example: dict[str, Any], index: int, text: str) -> None:
        fields = example["sealed"].split("*")
        if text != fields[index]:
            fields[index] = text
            assert reason("*".join(fields)) in {"malformed", "bad_mac"}

    @pytest.mark.parametrize("size", [10_000, 5_000_000])
    def test_huge(self, size: int) -> None:
        for text in ("*" * size, "A" * size, "Fe26.2" + "*" * size, f"Fe26.2***{'A' * size}****"):
            assert reason(text) in {"malformed", "bad_mac"}

    @pytest.mark.parametrize("prefix", ["Fe26.1", "Fe26.3", "Fe26", "fe26.2", "", " Fe26.2"])
    def test_another_version_even_with_a_mac_that_is_right(self, prefix: str) -> None:
        base = seal(1, PASSWORD).rsplit("*", 2)[0].replace("Fe26.2", prefix)
        assert reason(signed(base)) == "malformed"

    @pytest.mark.parametrize("change", [lambda s: s + "*", lambda s: "*" + s, lambda s: s.rpartition("*")[0]])
    def test_more_or_fewer_fields(self, change: Callable[[str], str]) -> None:
        assert reason(change(seal(1, PASSWORD))) == "malformed"


@pytest.mark.promise("BAD-1")
class TestTampering:
    SEALED = seal({"user": 7}, Password(PASSWORD, id="k1"), ttl=10**9)

    def test_another_character_in_any_place(self) -> None:
        for index, original in enumerate(self.SEALED):
            for other in "AaZz09-_*+/=. é\0":
                if other != original:
                    altered = self.SEALED[:index] + other + self.SEALED[index + 1 :]
                    assert reason(altered) in {"malformed", "bad_mac"}, (index, other)

    def test_every_other_last_character_of_the_mac(self) -> None:
        """Four of them decode to the same bytes: one seal has one spelling."""
        for other in string.ascii_letters + string.digits + "-_":
            if other != self.SEALED[-1]:
                assert reason(self.SEALED[:-1] + other) == "bad_mac"

    def test_a_character_less_or_twice_or_cut_off(self) -> None:
        for index, character in enumerate(self.SEALED):
            assert reason(self.SEALED[:index] + self.SEALED[index + 1 :]) in {"malformed", "bad_mac"}
            assert reason(self.SEALED[:index] + character + self.SEALED[index:]) in {"malformed", "bad_mac"}
            assert reason(self.SEALED[:index]) in {"malformed", "bad_mac"}

    def test_fields_of_two_seals_do_not_mix(self) -> None:
        other = seal({"user": 8}, Password(PASSWORD, id="k1"), ttl=10**9 + 1).split("*")
        own = self.SEALED.split("*")
        for chosen in itertools.product([own, other], repeat=8):
            mixed = "*".join(fields[index] for index, fields in enumerate(chosen))
            if mixed not in {self.SEALED, "*".join(other)}:
                assert reason(mixed) == "bad_mac"


class TestBehindARightMac:
    """What only a holder of the password can make, and still is no seal."""

    IV = bytes([0xFB, 0xFF] * 8)  # "-_-_…": both of the characters in which base64url is not base64

    def forge(self, *, salt: str = "a" * 64, padded: bytes = b"7" + b"\x0f" * 15, **changed: str) -> str:
        key = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), salt.encode(), 1, 32)
        encryptor = Cipher(AES(key), CBC(self.IV)).encryptor()
        ciphertext = base64url(encryptor.update(padded) + encryptor.finalize())
        fields = {"iv": base64url(self.IV), "ciphertext": ciphertext, "expiry": "", **changed}
        return signed(f"Fe26.2**{salt}*{fields['iv']}*{fields['ciphertext']}*{fields['expiry']}")

    def test_the_unchanged_one_opens(self) -> None:
        assert unseal(self.forge(), PASSWORD) == 7

    @pytest.mark.parametrize("salt", ["", "a" * 63, "a" * 65])
    def test_a_salt_of_another_length(self, salt: str) -> None:
        assert reason(self.forge(salt=salt)) == "malformed"
        assert reason(signed(self.forge().rsplit("*", 2)[0], mac_salt=salt)) == "bad_mac"

    @pytest.mark.parametrize("field", ["iv", "ciphertext"])
    @pytest.mark.parametrize(
        "respell",
        [
            lambda text: text + "==",
            lambda text: text + "\n",
            lambda text: text[:4] + " \n! " + text[4:],  # four, so that what follows stays in step
            lambda text: text[:-1] + chr(ord(text[-1]) + 1),  # one of the bits that it has to spare
            lambda text: text.replace("-", "+").replace("_", "/"),
        ],
    )
    def test_another_spelling_of_the_same_bytes(self, field: str, respell: Callable[[str], str]) -> None:
        _, _, _, iv, ciphertext, *_ = self.forge().split("*")
        text = iv if field == "iv" else ciphertext
        assert len(text) == 22
        assert "_" in text, "else the last of the spellings is no other"
        altered = self.forge(iv=respell(iv)) if field == "iv" else self.forge(ciphertext=respell(ciphertext))
        assert reason(altered) == "malformed"

    @pytest.mark.parametrize("iv", ["", "A", "A" * 20, "A" * 24])
    def test_an_iv_that_is_not_sixteen_bytes(self, iv: str) -> None:
        assert reason(self.forge(iv=iv)) == "malformed"

    @pytest.mark.parametrize("ciphertext", ["", "A", "A" * 20, "A" * 44])
    def test_a_ciphertext_that_is_not_whole_blocks(self, ciphertext: str) -> None:
        assert reason(self.forge(ciphertext=ciphertext)) == "malformed"

    @pytest.mark.parametrize("length", [1, 15])
    def test_a_good_ciphertext_with_a_part_of_a_block_behind_it(self, length: int) -> None:
        good = base64.urlsafe_b64decode(self.forge().split("*")[4] + "==")
        assert reason(self.forge(ciphertext=base64url(good + b"x" * length))) == "malformed"

    def test_what_is_no_seal_leaves_the_next_one_alone(self) -> None:
        """A sealer goes on with its ciphers: no part of a message may stay in one."""
        sealer, good = Sealer(PASSWORD), self.forge()
        ciphertext = base64.urlsafe_b64decode(good.split("*")[4] + "==")
        bad = [self.forge(ciphertext=base64url(ciphertext + b"x")), self.forge(ciphertext="")]
        for each in [*bad, self.forge(iv="A" * 20), self.forge(iv="")]:
            with pytest.raises(InvalidSeal):
                sealer.unseal(each)
            assert sealer.unseal(good) == b"7"

    @pytest.mark.parametrize("end", [b"\0\0\0", b"\x01\x02\x03", b"\x03\x02\x03", b"\x02\x03\x11", b"   "])
    def test_a_padding_that_is_not_pkcs7(self, end: bytes) -> None:
        assert reason(self.forge(padded=b"1234567890123" + end)) == "malformed"

    @given(st.binary(min_size=1, max_size=5).map(lambda blocks: base64url(blocks * 16)))
    def test_any_ciphertext(self, ciphertext: str) -> None:
        """Padding, UTF-8 or JSON is wrong: noise does not decrypt to a JSON text."""
        assert reason(self.forge(ciphertext=ciphertext)) == "malformed"

    @pytest.mark.parametrize("expiry", ["0", "01", "-1", "+1", "1.5", "1e3", " 1", "x", "9" * 22, "9" * 5000])
    def test_an_expiry_that_is_no_number(self, expiry: str) -> None:
        base = seal(1, PASSWORD).rsplit("*", 2)[0] + expiry
        assert reason(signed(base)) == "malformed"

    def test_the_far_future_is_fine(self) -> None:
        assert unseal(signed(seal(1, PASSWORD).rsplit("*", 2)[0] + "9" * 21), PASSWORD) == 1

    @pytest.mark.parametrize(
        "plaintext",
        [b"", b"{", b"NaN", b"\xff", b'"\xff"', b'"\\ud800"', b"1 2", b"1e999", b"9" * 5000, b"[" * 100_000],
    )
    def test_a_plaintext_that_is_not_json(self, plaintext: bytes) -> None:
        assert reason(Sealer(PASSWORD).seal(plaintext)) == "malformed"


class TestSecrecy:
    @pytest.mark.promise("BAD-1")
    def test_no_error_shows_the_password_or_a_part_of_the_seal(self) -> None:
        sealed = seal(1, PASSWORD, ttl=1, now=NOW)
        seals = [sealed, sealed + "é", sealed[:-1], Sealer(PASSWORD).seal(b"visible plaintext")]
        for each in seals:
            with pytest.raises(InvalidSeal) as caught:
                unseal(each, PASSWORD)
            messages = str(caught.value) + repr(caught.value)
            for line in traceback.format_exception(caught.value, chain=True):
                messages += "" if line.startswith("  File") else line
            for part in [PASSWORD, "visible", *filter(None, sealed.split("*")[1:])]:
                assert part not in messages

    def test_an_error_survives_the_way_between_processes(self) -> None:
        with pytest.raises(InvalidSeal) as caught:
            unseal("", PASSWORD)
        copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
        assert (copy.reason, str(copy)) == (caught.value.reason, str(caught.value))

    def test_a_password_does_not_print_its_secrets(self) -> None:
        assert repr(Password(PASSWORD, OTHER, id="a")) == "Password(id='a')"
        assert PASSWORD not in repr(Sealer(PASSWORD))
