"""The certificate of a run: good for this machine's names, and nobody else can read its key."""

from __future__ import annotations

import hashlib
import socket
import ssl
import stat
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from e2e.server.certificate import Certificate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "app.shop.test"])
def test_who_trusts_the_authority_reaches_each_name(made: Certificate, name: str) -> None:
    server, client = socket.socketpair()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(made.certificate, made.key)
    trusting = ssl.create_default_context(cafile=made.authority)
    with ThreadPoolExecutor() as threads:
        accepted = threads.submit(serving.wrap_socket, server, True)
        with trusting.wrap_socket(client, server_hostname=name) as connection, accepted.result():
            assert connection.version()


def test_a_browser_can_be_told_to_trust_its_key(made: Certificate) -> None:
    """By the SHA-256 of the SubjectPublicKeyInfo; here it comes from the private key."""
    key = load_pem_private_key(made.key.read_bytes(), None)
    encoded = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert b64decode(made.key_hash) == hashlib.sha256(encoded).digest()


def test_the_key_is_ours_alone(made: Certificate) -> None:
    assert stat.S_IMODE(Path(made.key).stat().st_mode) == 0o600
