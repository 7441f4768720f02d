"""Records as they are where a database is not to know what is in them: AES-256-GCM.

An encrypted payload is the byte 1, a nonce of 12 random bytes, the ciphertext and the tag of 16 bytes (NIST
SP 800-38D). The plaintext is a line with the owner as JSON, and then the payload as it was. The record's
owner is replaced by a keyed hash.

HKDF (RFC 5869) makes two keys of the encryption key. One is for the hashes of owners. Of the other it makes
an AES key for each record, by the key that the store keeps the record under. So a record that is copied under
another key does not open. And a nonce need only differ from the others of the same record: one AES key for
all would be good for 2**32 writes (section 8.3), which a busy store makes in weeks. AES-GCM-SIV, which bears
more, takes as long, and not every OpenSSL has it.
"""

from __future__ import annotations

import hmac
import os
import struct
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from sessions._json import decode, encode
from sessions._record import Record

MARK: Final = b"\x01"
"""How an encrypted payload begins, and no other one that this library writes."""

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_SHORTEST: Final = len(MARK) + _NONCE_BYTES + _TAG_BYTES

_facts: Final = struct.Struct("<ddq").pack


def is_encrypted(record: Record) -> bool:
    return record.payload.startswith(MARK) and len(record.payload) >= _SHORTEST


class RecordCipher:
    """Encrypts and decrypts records with one encryption key."""

    def __init__(self, text: str) -> None:
        self._for_values = _derived(text, b"values")
        self._for_owners = _derived(text, b"owners")

    def owner(self, owner: str) -> str:
        """What the store finds this owner's records by: HMAC-SHA-256 (RFC 2104), 64 hexadecimal digits."""
        return hmac.digest(self._for_owners, owner.encode(), "sha256").hex()

    def encrypted(self, key: str, record: Record) -> Record:
        owner = None if record.owner is None else self.owner(record.owner)
        nonce = os.urandom(_NONCE_BYTES)
        plaintext = b"%b\n%b" % (encode(record.owner), record.payload)
        ciphertext = self._cipher(key).encrypt(nonce, plaintext, _bound(record, owner))
        payload = b"".join((MARK, nonce, ciphertext))
        return Record(payload, record.created_at, record.expires_at, record.version, owner)

    def decrypted(self, key: str, record: Record) -> Record | None:
        """None for a record that another key has encrypted, or that anything has changed since."""
        if not is_encrypted(record):
            return None
        payload = record.payload
        nonce, ciphertext = payload[len(MARK) : len(MARK) + _NONCE_BYTES], payload[len(MARK) + _NONCE_BYTES :]
        try:
            plaintext = self._cipher(key).decrypt(nonce, ciphertext, _bound(record, record.owner))
        except InvalidTag:
            return None
        line, _, payload = plaintext.partition(b"\n")
        return msgspec.structs.replace(record, payload=payload, owner=decode(line))

    def _cipher(self, key: str) -> AESGCM:
        return AESGCM(HKDFExpand(SHA256(), _KEY_BYTES, key.encode()).derive(self._for_values))


def _derived(text: str, use: bytes) -> bytes:
    # With a context of our own: no seal and no cookie has these keys, though the encryption key be the same.
    return HKDF(SHA256(), _KEY_BYTES, None, b"sessions.record\0" + use).derive(text.encode())


def _bound(record: Record, owner: str | None) -> bytes:
    """The other fields, with the owner as the store has it. The payload does not open if one was changed."""
    facts = _facts(record.created_at, record.expires_at, record.version)
    return facts if owner is None else facts + owner.encode()
