"""A certificate for this run, for loopback names only. The browsers are told not to mind who signed it.

Or they are told to trust its key: only then is the connection secure enough for them to bind sessions.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

NAMES = ("127.0.0.1", "localhost", "*.shop.test")


@dataclass(frozen=True)
class Certificate:
    """PEM files. Whoever trusts `authority` trusts the certificate."""

    certificate: Path
    key: Path
    authority: Path

    @property
    def key_hash(self) -> str:
        """By it Chromium is told which key to trust: SHA-256 of the SubjectPublicKeyInfo, in base64."""
        public_key = load_pem_x509_certificate(self.certificate.read_bytes()).public_key()
        encoded = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(encoded).digest()).decode()

    @classmethod
    def make(cls, folder: Path) -> Self:
        made = cls(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
        authority = trustme.CA()
        issued = authority.issue_cert(*NAMES)
        authority.cert_pem.write_to_path(made.authority)
        made.key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(made.key)
        for number, part in enumerate(issued.cert_chain_pems):
            part.write_to_path(made.certificate, append=number > 0)
        return made
