"""The demo on each server for real: that it starts, serves and ends, with all options at once."""

from __future__ import annotations

import datetime as dt
import http.client
import os
import re
import selectors
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from reference_server.servers import SERVERS

PATIENCE = 20
"""Seconds for a start; none takes more than two on an idle machine."""
HTTP_2 = {"hypercorn", "hypercorn-trio", "granian", "gunicorn", "daphne", "h2corn"}

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for this machine, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(autouse=True)
def ctrl_c_counts() -> Iterator[None]:
    """As in a terminal. A job that a shell has put into the background ignores it, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: str, gates: Path = tmp_path / "gates", pass_fds: Collection[int] = ()
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "reference_server", *arguments],
            stdout=subprocess.PIPE,
            stderr=(tmp_path / "stderr").open("wb"),
            text=True,
            start_new_session=True,
            pass_fds=pass_fds,
            env={
                **os.environ,
                "REFERENCE_SERVER_KEY": "not secret, as it is for tests only",
                "REFERENCE_SERVER_GATES": str(gates),
            },
        )
        started.append(process)
        return process

    yield start
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()


def port_of(process: subprocess.Popen[str]) -> int:
    """Where it says that it listens."""
    assert process.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(PATIENCE), "it said nothing in time"
    found = re.fullmatch(r"listening on https?://127\.0\.0\.1:(\d+)\n", process.stdout.readline())
    assert found
    return int(found[1])


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_serves_with_all_its_options_and_ends_well(
    server: str, start: Start, tls: tuple[Path, Path], tmp_path: Path
) -> None:
    process = start(
        *("--server", server, "--store", f"sqlite:///{tmp_path}/sessions.db", "--port", "0"),
        *("--workers", most_workers(server), "--root-path", "/shop"),
        *("--tls-cert", str(tls[0]), "--tls-key", str(tls[1])),
    )
    port = port_of(process)
    trusting = ssl.create_default_context(cafile=tls[0])

    # A browser leaves such connections open, and no server may wait for them for long.
    browser = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trusting)
    browser.request("GET", "/shop/")
    answer = browser.getresponse()
    page = answer.read().decode()
    assert "You have visited this page 1 times" in page
    assert f'id="inspector-server">{server} ' in page
    assert 'href="/shop/login"' in page
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("session=")
    assert cookie.endswith("; Secure")
    browser.request("POST", "/shop/logout", headers={"cookie": cookie.partition(";")[0]})
    answer = browser.getresponse()
    answer.read()
    assert answer.headers["location"] == "/shop/login"
    trusting.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        trusting.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        assert (wrapped.selected_alpn_protocol() == "h2") == (server in HTTP_2)

    process.terminate()
    rest, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert rest == "", "it said more than once that it listens"
    ended = time.monotonic()
    while is_anybody_left(process.pid):
        assert time.monotonic() < ended + 2, "a worker outlived its server"
        time.sleep(0.01)


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_alone_takes_over_a_socket_and_ends_on_ctrl_c(server: str, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        if "--fd" in SERVERS[server].cannot:
            process = start("--server", server, "--port", "0")
            port = port_of(process)
        else:
            descriptor = listening.fileno()
            process = start("--server", server, "--fd", str(descriptor), pass_fds=[descriptor])
            port = port_of(process)
            assert port == listening.getsockname()[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/lab/untouched")
    assert connection.getresponse().status == 200
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_cannot_start_says_so_and_fails(server: str, start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = start(
        *("--server", server, "--store", "cookie:", "--port", "0", "--workers", most_workers(server)),
        gates=tmp_path / "file" / "gates",
    )
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode not in (0, None)
    assert said == ""
    assert "Not a directory" in (tmp_path / "stderr").read_text()


def most_workers(server: str) -> str:
    return "1" if "--workers" in SERVERS[server].cannot else "2"


def is_anybody_left(group: int) -> bool:
    """Whether a process of the group still runs; one that has ended but was not waited for does not."""
    found = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True)
    lines = (line.split() for line in found.stdout.splitlines())
    return any(pgid == str(group) and not state.startswith("Z") for pgid, state in lines)
