"""A certificate for this run, for loopback names only. The browsers are told not to mind who signed it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import trustme

NAMES = ("127.0.0.1", "localhost", "*.shop.test")


@dataclass(frozen=True)
class Certificate:
    """PEM files. Whoever trusts `authority` trusts the certificate."""

    certificate: Path
    key: Path
    authority: Path

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
