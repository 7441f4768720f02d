"""The proof that a browser makes with its device's key: a JWT of the type `dbsc+jwt`, signed with ES256.

The W3C draft Device Bound Session Credentials has its format (section "DBSC Proof JWT Syntax"). RFC 7515 has
the signature, RFC 7518, section 3.4, ES256. A registration brings the public key along, in the JWT's header
as Chromium does, or in the claim `key` as the draft has it.

All of it comes from a client: sizes are bounded, one algorithm is known, and no key is taken from a renewal.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from sessions._hidden import Hidden

MAX_PROOF: Final = 4096
"""Bytes of a JWT. A browser's has about 500."""

TYPE: Final = "dbsc+jwt"
ALGORITHM: Final = "ES256"

_COORDINATE: Final = 32
_SIGNATURE: Final = 64
_is_base64url: Final = re.compile(rb"[A-Za-z0-9_-]+").fullmatch
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)


class InvalidProof(ValueError):
    """It is no proof, or it was not made with this key. The text says why, and shows nothing of it."""


class _Jwk(Hidden, msgspec.Struct):
    kty: str
    crv: str
    x: str
    y: str


class _Header(Hidden, msgspec.Struct):
    typ: str
    alg: str
    jwk: msgspec.Raw = msgspec.Raw()
    crit: Any = None


class _Claims(Hidden, msgspec.Struct):
    jti: str
    key: msgspec.Raw = msgspec.Raw()


_header: Final = msgspec.json.Decoder(_Header).decode
_claims: Final = msgspec.json.Decoder(_Claims).decode
_jwk: Final = msgspec.json.Decoder(_Jwk).decode


class Proof(Hidden, msgspec.Struct, frozen=True):
    """A JWT whose signature is yet to be checked."""

    challenge: str
    signed: bytes
    signature: bytes
    own_key: bytes
    """The public key that came with it, as JSON; empty if none came."""

    def key(self) -> str:
        """The public key that came with it, as `Device.key` has it. For a registration alone.

        Raises `InvalidProof`.
        """
        if not self.own_key:
            raise InvalidProof("it has no public key")
        try:
            jwk = _jwk(self.own_key)
        except _UNREADABLE:
            raise InvalidProof("its public key cannot be read") from None
        if (jwk.kty, jwk.crv) != ("EC", "P-256"):
            raise InvalidProof("its public key is not of the curve P-256")
        x, y = _decoded(jwk.x.encode()), _decoded(jwk.y.encode())
        if len(x) != _COORDINATE or len(y) != _COORDINATE:
            raise InvalidProof("its public key has the wrong length")
        _public_key(x + y)
        return encoded(x + y)

    def check(self, key: str) -> None:
        """Raises `InvalidProof` if it was not made with this device's key."""
        r, s = self.signature[: _SIGNATURE // 2], self.signature[_SIGNATURE // 2 :]
        signature = encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
        try:
            _public_key(_decoded(key.encode())).verify(signature, self.signed, ec.ECDSA(SHA256()))
        except InvalidSignature:
            raise InvalidProof("it was made with another key") from None


def read_proof(text: bytes) -> Proof:
    """Raises `InvalidProof` for what is no JWT of this kind."""
    if len(text) > MAX_PROOF:
        raise InvalidProof("it is too long")
    parts = text.split(b".")
    if len(parts) != 3:
        raise InvalidProof("it is no JWT")
    head, payload, signature = (_decoded(part) for part in parts)
    try:
        header, claims = _header(head), _claims(payload)
    except _UNREADABLE:
        raise InvalidProof("it is no JWT of the kind that is expected") from None
    if header.typ != TYPE or header.alg != ALGORITHM or header.crit is not None:
        raise InvalidProof("its type or its algorithm is another one")
    if len(signature) != _SIGNATURE:
        raise InvalidProof("its signature has the wrong length")
    own_key = bytes(header.jwk) or bytes(claims.key)
    return Proof(claims.jti, b".".join(parts[:2]), signature, own_key)


def encoded(data: bytes) -> str:
    """In base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: bytes) -> bytes:
    """Raises `InvalidProof` for anything else than the one text that these bytes have in base64url."""
    if _is_base64url(text) and len(text) % 4 != 1:
        data = urlsafe_b64decode(text + b"==")
        if encoded(data).encode() == text:
            return data
    raise InvalidProof("a part of it is not base64url")


def _public_key(point: bytes) -> ec.EllipticCurvePublicKey:
    """Raises `InvalidProof` for what is no point of the curve."""
    x, y = int.from_bytes(point[:_COORDINATE]), int.from_bytes(point[_COORDINATE:])
    try:
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError:
        raise InvalidProof("its public key is no point of the curve") from None
