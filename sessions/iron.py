"""Iron: seal a JSON value with a password, and open what any Iron implementation sealed.

An Iron seal is encrypted, authenticated text that is safe in a cookie or a URL. This module reads and
writes the same seals (``Fe26.2``) as the npm packages ``@hapi/iron`` and ``iron-webcrypto`` with their
default options, and it uses nothing else of this library::

    from sessions import iron

    sealed = iron.seal({"user": 7}, "password_at_least_32_characters_long", ttl=3600)
    iron.unseal(sealed, "password_at_least_32_characters_long")  # {'user': 7}

The format
----------
There is no RFC. The reference is @hapi/iron (https://hapi.dev/module/iron/, ``lib/index.js``); what follows
is its format version 2. A seal is eight fields joined by ``*``, none of which can contain one::

    Fe26.2 * key id * encryption salt * iv * ciphertext * expiry * mac salt * mac

==================  ========================================================================================
``Fe26.2``          Iron's chemical symbol and atomic number, then the version of the format.
key id              ``[A-Za-z0-9_]*``: which of several passwords sealed this. Often empty.
encryption salt     32 random bytes in lower-case hex.
iv                  16 random bytes in base64url.
ciphertext          AES-256-CBC with PKCS#7 padding over the UTF-8 JSON text, in base64url.
expiry              Milliseconds since the Unix epoch, in decimal; empty when the seal does not expire.
mac salt            32 random bytes in lower-case hex.
mac                 HMAC-SHA-256, in base64url, over the first six fields joined by ``*``.
==================  ========================================================================================

Both keys are PBKDF2-HMAC-SHA-1 of the password, with one iteration, 32 bytes long, over the salt *as its
hex text*. base64url (RFC 4648, section 5) is written without padding.

One iteration stretches nothing: the password itself has to be unguessable. Use
``secrets.token_urlsafe(32)`` or better; the 32 characters that Iron demands are a minimum for such a text,
not for a phrase. In place of a text, Iron takes 32 random bytes, which are then the key as they are, and
leaves both salts empty.

What this module does not do: AES-128-CTR and other salt sizes or iteration counts, which Iron's options
allow but its seals do not record; and a text with half a surrogate pair, which JavaScript can seal and UTF-8
cannot hold, is refused in both directions.

A purpose
---------
Who has the password opens every seal that was made with it. An app that seals several kinds of things with
one password gives each kind a ``purpose``: a seal opens with its own purpose only, and is "sealed with
another password" for every other. So a text that was sealed for a link in a mail is no good as a login::

    sealed = iron.seal({"user": 7}, password, purpose="invitation")
    iron.unseal(sealed, password, purpose="invitation")  # {'user': 7}

A purpose puts two keys of 32 bytes in the password's place, one for encryption and one for the mac:
HKDF-HMAC-SHA-256 (RFC 5869) of the password, without salt, with the info ``sessions.iron``, a zero byte,
``encryption`` or ``integrity``, a zero byte, and the purpose in UTF-8. The seal is Iron's with such keys, its
salts are empty. In Node ``crypto.hkdfSync("sha256", password, "", info, 32)`` makes a key. Without a purpose
the password is used as in Iron itself.

iron-session (npm) appends ``~2``, its own version number, to the seal and uses the key id ``1`` unless told
otherwise; its cookies open with ``unseal(cookie.removesuffix("~2"), password)``.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hmac import compare_digest
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["MIN_PASSWORD_LENGTH", "InvalidSeal", "Password", "Sealer", "Secret", "seal", "unseal"]

MIN_PASSWORD_LENGTH: Final = 32
"""Characters in a text password, Iron's ``minPasswordlength``; a key of bytes has as many bytes."""

SEALS_PER_SALT: Final = 2**16
"""Seals that a `Sealer` makes with one pair of salts, and so with one AES key, before it draws new ones.

AES-CBC with random ivs is safe for 2**48 blocks of 16 bytes under one key: up to there, nobody tells
ciphertexts from noise with an advantage of more than 2**-32. Source: D. Boneh, *Cryptography I*, "Modes of
operation: many time key (CBC)"; proof: D. Boneh and V. Shoup, *A Graduate Course in Applied Cryptography*,
section 5.4. Here, 2**16 cookies of 4 KiB are 2**24 blocks, and 2**16 seals of a megabyte are 2**32. That
leaves room for 2**16 processes that got the same salts by a fork, for threads that count a seal twice, and
for the block that each seal's iv is made of. More seals would save nothing: to draw salts takes 15 µs, once
in 65 536 times.

A key of bytes has no salts, and neither have the seals for a purpose: all of them are made with one AES key.
2**40 cookies of 4 KiB are 2**48 blocks, which is a thousand a second for 34 years.
"""

REMEMBERED_SALTS: Final = 500
"""Seals of which a `Sealer` remembers what it derived from their salts. It takes 1.5 KB of memory for each,
and for each password."""

Reason: TypeAlias = Literal["malformed", "unknown_key", "bad_mac", "expired"]

_EXPLANATION: Final[dict[Reason, str]] = {
    "malformed": "not an Iron seal (Fe26.2)",
    "unknown_key": "sealed with a key id that is not among the passwords",
    "bad_mac": "sealed with another password, or altered since",
    "expired": "the seal has expired",
}


class InvalidSeal(ValueError):
    """A text that cannot be unsealed. Neither message nor cause holds any part of it or of the password.

    ``reason`` is ``"malformed"``, ``"unknown_key"``, ``"bad_mac"`` (wrong password or altered: the two look
    the same) or ``"expired"``. Only what carries a valid mac is ever called expired.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(_EXPLANATION[reason])
        self.reason: Reason = reason

    def __reduce__(self) -> tuple[type[InvalidSeal], tuple[Reason]]:
        return type(self), (self.reason,)


Secret: TypeAlias = str | bytes
"""A text of at least 32 characters, or 32 bytes that are the key itself."""


@dataclass(frozen=True, slots=True)
class Password:
    """A secret with the id that its seals carry, like ``{id, secret}`` in Iron.

    ``Password(encryption=…, integrity=…)`` is Iron's ``{id, encryption, integrity}``: one secret for AES
    and another for the mac, which is the first one unless given. ``id`` is made of ASCII letters, digits
    and underscores.

    Raises ``ValueError`` for a text shorter than 32 characters, an AES key that is not 32 bytes, a mac key
    of fewer than 32 bytes (iron-webcrypto 2 takes no longer one either), and an id that a seal cannot carry.
    """

    encryption: Secret = field(repr=False)
    integrity: Secret | None = field(default=None, repr=False)
    id: str = ""

    def __post_init__(self) -> None:
        _check_secret(self.encryption)
        if isinstance(self.encryption, bytes) and len(self.encryption) != _KEY_BYTES:
            raise ValueError(f"an Iron encryption key is {_KEY_BYTES} bytes long")
        if self.integrity is not None:
            _check_secret(self.integrity)
        if re.fullmatch(r"[A-Za-z0-9_]*", self.id) is None:
            raise ValueError("the id of an Iron password is made of ASCII letters, digits and underscores")


def seal(
    value: Any, password: Secret | Password, *, purpose: str = "", ttl: float = 0, now: float | None = None
) -> str:
    """Seal a JSON value. Compare Iron's ``seal(object, password, options)``.

    ``purpose`` says what the seal is for: it opens with the same purpose only. Empty, it is a seal that other
    Iron implementations open with the password.

    ``ttl`` is the seal's life in seconds; 0 means for ever. ``now`` is the current time in seconds since the
    Unix epoch, the system clock unless given (Iron's ``localtimeOffsetMsec`` is a difference to it).

    Raises ``TypeError`` or ``ValueError`` for a value that JSON cannot hold (NaN, infinities and lone
    surrogates included), ``ValueError`` for a password that Iron refuses, a purpose that is not Unicode, or a
    ``ttl`` that is negative or not finite.
    """
    return Sealer(password, purpose=purpose).seal(_to_json(value), ttl=ttl, now=now)


def unseal(
    sealed: str,
    password: Secret | Password | Sequence[Secret | Password] | Mapping[str, Secret | Password],
    *,
    purpose: str = "",
    timestamp_skew: float = 60,
    now: float | None = None,
) -> Any:
    """Open a seal and return its JSON value. Compare Iron's ``unseal(sealed, password, options)``.

    ``password`` says which secrets may open it, by the key id that the seal carries:

    - a text or bytes: opens a seal of any id, as in Iron;
    - a `Password` with an id: opens seals of that id only;
    - a sequence of these: each that fits is tried, in order;
    - a mapping of ids to these, as in Iron: the one of that id, or the one named ``default`` for a seal
      without id.

    ``purpose`` is the one that it was sealed for. ``timestamp_skew`` is how many seconds a seal is
    still accepted after its expiry, for clocks that disagree (Iron's ``timestampSkewSec``). ``now`` is as in
    `seal`.

    Raises `InvalidSeal` for every text that does not open, ``ValueError`` for a password that Iron refuses.
    """
    plaintext = Sealer(password, purpose=purpose).unseal(sealed, timestamp_skew=timestamp_skew, now=now)
    try:
        return msgspec.json.decode(plaintext)
    except (ValueError, RecursionError):  # a DecodeError is a ValueError; its text may quote the plaintext
        raise InvalidSeal("malformed") from None


class Sealer:
    """Seals and opens raw bytes, with the passwords prepared once.

    For a program that seals and opens all day with the same passwords, and brings its own JSON codec:
    Iron's plaintext is JSON, so other implementations will parse what is sealed here. The first password
    seals; which ones open is described at `unseal`, and ``purpose`` at `seal`. Raises ``ValueError`` as
    `Password` does, for no password, and for a purpose that is not Unicode.

    A `Sealer` uses its two salts, and the keys derived from them, for `SEALS_PER_SALT` seals, and then draws
    new ones. Each seal has an iv of its own, which nobody can predict (NIST SP 800-38A, appendix C, asks that
    of CBC): 16 random bytes of the operating system, encrypted under the seal's key. Whoever sees two seals
    can tell by their salts that one `Sealer` made both. The function `seal` draws new salts each time.

    It remembers the keys of the last salts that it opened seals with, `REMEMBERED_SALTS` of them at most, and
    of those seals alone whose mac was right.

    Safe to share between threads. Safe across ``os.fork``: parent and child go on with the same salts, each
    with ivs of its own, and there is no lock that a thread could hold at the moment of the fork.
    """

    __slots__ = ("_by_id", "_current", "_random", "_random_block", "_sealing", "_without_id")

    def __init__(
        self,
        password: Secret | Password | Sequence[Secret | Password] | Mapping[str, Secret | Password],
        *,
        purpose: str = "",
        _context: bytes = b"sessions.iron",
        _random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        passwords = _named(password.items()) if isinstance(password, Mapping) else _listed(password)
        if not passwords:
            raise ValueError("Iron needs at least one password")
        if not isinstance(purpose, str):
            raise TypeError("the purpose of a seal is text")
        if purpose:
            passwords = [_for_purpose(each, _context, purpose) for each in passwords]
        keys = [_Key(each) for each in passwords]
        self._sealing = keys[0]
        # A password without an id opens any seal, but in a mapping each id has exactly one.
        self._without_id = () if isinstance(password, Mapping) else tuple(key for key in keys if not key.id)
        self._by_id = {
            key.id: tuple(other for other in keys if other.id == key.id or other in self._without_id)
            for key in keys
        }
        self._random = _random
        self._random_block = _random_block if _random is os.urandom else lambda: _random(_BLOCK)
        # Salts are drawn at the first seal: worker processes that fork before it have different ones.
        self._current: _Salted | None = None

    def seal(self, plaintext: bytes, *, ttl: float = 0, now: float | None = None) -> str:
        """Seal UTF-8 JSON text. ``ttl``, ``now`` and errors are as in the function `seal`."""
        salted, random = self._salts_and_block()
        iv, ciphertext = salted.encryption.encrypt(random, plaintext)
        both = b"%b*%b" % (_base64(iv)[:_IV_LENGTH], _base64(ciphertext).rstrip(b"="))
        expiry = _expiry(ttl, now) if ttl else b""
        base = b"%b%b*%b" % (salted.beginning, both.translate(_TO_URL_SAFE), expiry)
        return (b"%b*%b*%b" % (base, salted.mac_salt, _mac(salted.integrity, base))).decode("ascii")

    def unseal(self, sealed: str, *, timestamp_skew: float = 60, now: float | None = None) -> bytes:
        """Open a seal and return its plaintext. Options and errors are as in the function `unseal`."""
        return self.opened(sealed, timestamp_skew=timestamp_skew, now=now)[0]

    def opened(
        self, sealed: str, *, timestamp_skew: float = 60, now: float | None = None
    ) -> tuple[bytes, bool]:
        """The plaintext of a seal, and whether the first password made the seal.

        A seal that another password made is better replaced by a new one: then that password can be dropped.
        Options and errors are as in the function `unseal`.
        """
        try:
            base, mac_salt, mac = sealed.encode("ascii").rsplit(b"*", 2)
            prefix, key_id, salt, iv, ciphertext, expiry = base.split(b"*", 6)
        except ValueError:  # another number of fields, or a character beyond ASCII
            raise InvalidSeal("malformed") from None
        if prefix != b"Fe26.2":
            raise InvalidSeal("malformed")
        # Nothing of a seal is interpreted, its expiry included, before the mac says that it is ours.
        key = self._authenticate(base, key_id, mac_salt, mac)
        if expiry:
            _check_expiry(expiry, time.time() if now is None else now, timestamp_skew)
        if len(salt) != key.encryption.salt_length:
            raise InvalidSeal("malformed")
        encryption = key.encryption.of(salt)
        if salt:
            key.encryption.remember(salt, encryption)  # the mac vouches for this salt
        return encryption.decrypt(_b64decode(iv), _b64decode(ciphertext)), key is self._sealing

    def _authenticate(self, base: bytes, key_id: bytes, mac_salt: bytes, mac: bytes) -> _Key:
        """The key whose mac this is."""
        keys = self._by_id.get(key_id, self._without_id)
        if not keys:
            raise InvalidSeal("unknown_key")
        for key in keys:
            if len(mac_salt) == key.integrity.salt_length:
                integrity = key.integrity.of(mac_salt)
                # The mac's text is compared, not its bytes: there is one right spelling of it.
                if compare_digest(_mac(integrity, base), mac):
                    # Not before: anybody can make up salts, and would fill the memory with them.
                    if mac_salt:
                        key.integrity.remember(mac_salt, integrity)
                    return key
        raise InvalidSeal("bad_mac")

    def _salts_and_block(self) -> tuple[_Salted, bytes]:
        """What the next seal is made with; the block is what its iv is made of."""
        # Without a lock, two threads may both draw new salts. Each then uses its own, and one pair stays.
        current = self._current
        if current is not None and next(current.seals_left, None) is not None:
            return current, self._random_block()
        random = self._random(80)
        fresh = self._sealing.salted(random[:64])
        self._current = fresh
        return fresh, random[64:]


_random_blocks: Final[list[bytes]] = []
# A forked process must not go on with the blocks of its parent: both would make the same ivs.
os.register_at_fork(after_in_child=_random_blocks.clear)


def _random_block() -> bytes:
    """16 random bytes, each of them used once: 64 blocks are drawn at a time, as a call of the system takes
    longer than to encrypt a cookie."""
    try:
        return _random_blocks.pop()
    except IndexError:
        drawn = os.urandom(64 * _BLOCK)
        _random_blocks.extend(drawn[start : start + _BLOCK] for start in range(_BLOCK, len(drawn), _BLOCK))
        return drawn[:_BLOCK]


# -- passwords -----------------------------------------------------------------------------------------------

_KEY_BYTES: Final = 32
_SALT_LENGTH: Final = 64  # hex digits


class _Salted:
    """Two salts, the keys derived from them, and how many more seals they are good for."""

    __slots__ = ("beginning", "encryption", "integrity", "mac_salt", "seals_left")

    def __init__(self, key: _Key, salt: bytes, mac_salt: bytes) -> None:
        self.beginning = b"Fe26.2*%b*%b*" % (key.id, salt)
        self.mac_salt = mac_salt
        self.encryption = key.encryption.of(salt)
        self.integrity = key.integrity.of(mac_salt)
        self.seals_left: Iterator[int] = iter(range(SEALS_PER_SALT - 1))  # one is about to be made


class _Key:
    """A password made ready: the keys of its seals for encryption and for the mac."""

    __slots__ = ("encryption", "id", "integrity")

    def __init__(self, password: Password) -> None:
        integrity = password.encryption if password.integrity is None else password.integrity
        self.id = password.id.encode()
        self.encryption = _Derived(password.encryption, _Aes)
        self.integrity = _Derived(integrity, _keyed_mac)

    def salted(self, random: bytes) -> _Salted:
        """With two new salts, made of 64 random bytes."""
        salt, mac_salt = binascii.hexlify(random[:32]), binascii.hexlify(random[32:])
        return _Salted(self, salt[: self.encryption.salt_length], mac_salt[: self.integrity.salt_length])


_T = TypeVar("_T")


class _Derived(Generic[_T]):
    """What is derived from a secret, one for each salt. It remembers those that it is told to remember.

    A secret of bytes is the key itself; it has only this one, and its salt is empty.
    """

    __slots__ = ("_known", "_make", "_password", "salt_length")

    def __init__(self, secret: Secret, make: Callable[[bytes], _T]) -> None:
        """`make` turns a key into what uses it."""
        self._make = make
        self._known: dict[bytes, _T] = {}
        if isinstance(secret, bytes):
            self.salt_length, self._password = 0, b""
            self._known[b""] = make(secret)
        else:
            self.salt_length, self._password = _SALT_LENGTH, secret.encode()

    def of(self, salt: bytes) -> _T:
        """The one for a salt, which has `salt_length` characters."""
        known = self._known.get(salt)
        if known is not None:
            return known
        return self._make(hashlib.pbkdf2_hmac("sha1", self._password, salt, 1, _KEY_BYTES))

    def remember(self, salt: bytes, derived: _T) -> None:
        known = self._known
        if salt not in known:
            if len(known) >= REMEMBERED_SALTS:
                known.clear()  # To find the least used would need a lock, and to derive it again takes 7 µs.
            known[salt] = derived


class _Aes:
    """AES-256-CBC with PKCS#7 padding (RFC 5652, section 6.3), under one key.

    To set up a cipher takes ten times as long as to encrypt a cookie with it. So those that were set up go
    on, and are not told of an iv:

    - An encryptor gets a random block before the plaintext, and what it makes of that is the iv: the block,
      xored with the end of the last message and encrypted. That is as random and as unpredictable as the
      block itself, whatever came before, since AES only permutes the blocks. To encrypt a nonce under the
      same key is also the first of the two ways to an iv that NIST SP 800-38A, appendix C, names.
    - A decryptor gets the iv before the ciphertext. What it makes of that is thrown away, and CBC needs no
      more than the block before to decrypt the next.

    Each is used by one thread at a time. There are as many as threads that seal at the same moment.
    """

    __slots__ = ("_cipher", "_decryptors", "_encryptors")

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(AES(key), CBC(bytes(_BLOCK)))
        self._encryptors: list[CipherContext] = []
        self._decryptors: list[CipherContext] = []

    def encrypt(self, random: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
        """The iv, made of a random block, and the ciphertext."""
        try:
            encryptor = self._encryptors.pop()
        except IndexError:
            encryptor = self._cipher.encryptor()
        made = encryptor.update(b"%b%b%b" % (random, plaintext, _PADDING[_BLOCK - len(plaintext) % _BLOCK]))
        self._encryptors.append(encryptor)
        return made[:_BLOCK], made[_BLOCK:]

    def decrypt(self, iv: bytes, ciphertext: bytes) -> bytes:
        """Raises `InvalidSeal`. To say so is no padding oracle: the mac has been checked before."""
        if len(iv) != _BLOCK or len(ciphertext) % _BLOCK or not ciphertext:
            raise InvalidSeal("malformed")  # a decryptor would keep the rest for the next message
        try:
            decryptor = self._decryptors.pop()
        except IndexError:
            decryptor = self._cipher.decryptor()
        padded = decryptor.update(iv + ciphertext)
        self._decryptors.append(decryptor)
        length = padded[-1]
        if not 1 <= length <= _BLOCK or not padded.endswith(_PADDING[length]):
            raise InvalidSeal("malformed")
        return padded[_BLOCK:-length]


def _keyed_mac(key: bytes) -> HMAC:
    return HMAC(key, SHA256())


def _mac(keyed: HMAC, message: bytes) -> bytes:
    """As a seal has it. From a copy, as to work the key in takes longer than the rest."""
    mac = keyed.copy()
    mac.update(message)
    return _base64(mac.finalize())[:_MAC_LENGTH].translate(_TO_URL_SAFE)


def _listed(password: Secret | Password | Sequence[Secret | Password]) -> list[Password]:
    several = [password] if isinstance(password, str | bytes | Password) else password
    return [each if isinstance(each, Password) else Password(each) for each in several]


def _named(passwords: Iterable[tuple[str, Secret | Password]]) -> list[Password]:
    return [
        replace(each if isinstance(each, Password) else Password(each), id="" if name == "default" else name)
        for name, each in passwords
    ]


def _for_purpose(password: Password, context: bytes, purpose: str) -> Password:
    """Two keys that nobody gets who knows the password's keys for another purpose.

    `context` is never empty and has no zero byte. So the keys of two contexts differ, whatever the purposes.
    """
    try:
        suffix = purpose.encode()
    except UnicodeEncodeError:
        raise ValueError("the purpose of a seal is Unicode text, without lone surrogates") from None

    def derived(secret: Secret, use: bytes) -> bytes:
        material = secret if isinstance(secret, bytes) else secret.encode()
        info = b"%b\0%b\0%b" % (context, use, suffix)
        return HKDF(SHA256(), _KEY_BYTES, None, info).derive(material)

    integrity = password.encryption if password.integrity is None else password.integrity
    return Password(
        derived(password.encryption, b"encryption"), derived(integrity, b"integrity"), password.id
    )


def _check_secret(secret: Secret) -> None:
    if not isinstance(secret, str | bytes):
        raise TypeError("an Iron password is text or bytes")
    if len(secret) < MIN_PASSWORD_LENGTH:
        unit = "characters" if isinstance(secret, str) else "bytes"
        raise ValueError(f"an Iron password has at least {MIN_PASSWORD_LENGTH} {unit}")
    if isinstance(secret, str):
        try:
            secret.encode()
        except UnicodeEncodeError:
            raise ValueError("an Iron password is Unicode text, without lone surrogates") from None


# -- the fields ----------------------------------------------------------------------------------------------

_BLOCK: Final = 16  # bytes of AES
_PADDING: Final = tuple(bytes([length]) * length for length in range(_BLOCK + 1))
_TO_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
# "+", "/" and "=" do not belong in base64url: they become what cannot be decoded.
_FROM_URL_SAFE: Final = bytes.maketrans(b"-_+/=", b"+/!!!")


_IV_LENGTH: Final = 22  # characters in base64url, which are written without padding
_MAC_LENGTH: Final = 43

_base64: Final = partial(binascii.b2a_base64, newline=False)


def _b64decode(text: bytes) -> bytes:
    standard = text.translate(_FROM_URL_SAFE) + b"=" * (-len(text) % 4)
    try:
        raw = binascii.a2b_base64(standard, strict_mode=True)
    except binascii.Error:
        raise InvalidSeal("malformed") from None
    # a2b_base64 ignores the bits that the last character has to spare; they do not survive the way back.
    spare = len(raw) % 3
    if spare and binascii.b2a_base64(raw[-spare:], newline=False) != standard[-4:]:
        raise InvalidSeal("malformed")
    return raw


def _expiry(ttl: float, now: float | None) -> bytes:
    """The moment ``ttl`` seconds after ``now``, as a seal has it."""
    moment = ((time.time() if now is None else now) + ttl) * 1000
    if not 0 < ttl < float("inf") or not 1 <= moment <= _MAX_SAFE_INTEGER:
        raise ValueError("the ttl of a seal is a number of seconds, and 0 means for ever")
    return b"%d" % moment


def _check_expiry(expiry: bytes, now: float, timestamp_skew: float) -> None:
    # JavaScript prints an integer in full up to 21 digits; the bound keeps int() from refusing a longer one.
    if not expiry.isdigit() or len(expiry) > 21 or expiry.startswith(b"0"):
        raise InvalidSeal("malformed")
    if int(expiry) <= (now - timestamp_skew) * 1000:
        raise InvalidSeal("expired")


_MAX_SAFE_INTEGER: Final = 2**53 - 1  # beyond it JavaScript would read another number


def _to_json(value: Any) -> bytes:
    text = msgspec.json.encode(value)
    # msgspec writes NaN and the infinities as null, as JSON.stringify does: another value would come back.
    if b"null" in text:
        json.dumps(msgspec.to_builtins(value), allow_nan=False)
    return text
