"""The server under test: `python -m reference_server` in a process of its own, on a free port."""

import http.client
import json
import os
import re
import ssl
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from e2e.matrix.matrix import BOUND, PLAIN
from e2e.server.certificate import Certificate
from services import process_group

ROOT = Path(__file__).parent.parent.parent
ROOT_PATH = "/shop"
WITH_TLS = ("https", BOUND)
WITH_WORKERS = ("workers", BOUND)
"""Modes. What binds a session has to work in several processes, so it is tested in several only."""
PROCESSES = 2
"""In these modes."""
STARTUP = 20.0
"""Seconds until a server must answer."""


class ServerFailed(RuntimeError):
    """The server did not start; the message is what it said itself."""


class Server:
    """A running server. Keep it in a `with` block, or call `stop`."""

    announcement = re.compile(r"^listening on (http\S+)\n", re.MULTILINE)
    """How the server says its address"""
    probe = "/lab/untouched"
    """What answers 200 once the server is ready"""
    prefix = ""
    _tls: ssl.SSLContext | None = None

    def __init__(
        self,
        server: str,
        store: str,
        *,
        key: str,
        folder: Path,
        log: Path,
        mode: str = PLAIN,
        port: int = 0,
        tls: Certificate | None = None,
        pace: float = 1,
    ) -> None:
        """Returns when the server answers. Raises ServerFailed with the server's own output.

        `folder` holds the gates, and with them whatever one process hands on to the next. Port 0 is any free
        one. `tls` is for the modes of `WITH_TLS`. Its sessions of seconds live `pace` times as long.
        """
        self.prefix = ROOT_PATH if mode == "root-path" else ""
        self._tls = ssl.create_default_context(cafile=tls.authority) if tls else None
        command = [
            sys.executable,
            "-m",
            "reference_server",
            "--server",
            server,
            "--port",
            str(port),
            *(("--workers", str(PROCESSES)) if mode in WITH_WORKERS else ()),
            *(("--root-path", self.prefix) if self.prefix else ()),
            *(("--tls-cert", str(tls.certificate), "--tls-key", str(tls.key)) if tls else ()),
        ]
        environment = {
            **os.environ,
            "REFERENCE_SERVER_KEY": key,
            "REFERENCE_SERVER_STORE": store,  # with its password, which a command line would show
            "REFERENCE_SERVER_GATES": str(folder / "gates"),
            "REFERENCE_SERVER_PACE": str(pace),
            "PYTHONUNBUFFERED": "1",
        }
        self._start(server, command, environment, log)

    def _start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, cwd: Path = ROOT
    ) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        started_at = log.stat().st_size
        with log.open("ab") as output:
            self._process = process_group.start(command, output.fileno(), cwd=cwd, environment=environment)
        try:
            self.url = self._wait_until_it_answers(name, started_at)
        except BaseException:
            self.stop()
            raise

    def _wait_until_it_answers(self, name: str, started_at: int) -> str:
        deadline = time.monotonic() + STARTUP
        url = ""
        while time.monotonic() < deadline:
            said = self.said_since(started_at)
            if self._process.poll() is not None:
                raise ServerFailed(
                    f"{name} ended with {self._process.returncode}:\n{said or '(it said nothing)'}"
                )
            if not url and (announced := self.announcement.search(said)):
                url = announced[1]
            if url and self._answers(url):
                return url
            time.sleep(0.01)
        raise ServerFailed(f"{name} did not answer in {STARTUP:.0f} s:\n{self.said_since(started_at)}")

    def _answers(self, url: str) -> bool:
        try:
            return self._request(url, "GET", self.probe)[0] == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def said_since(self, offset: int) -> str:
        """What the server wrote to standard output and error after `offset` bytes of its log."""
        with self.log.open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")

    def stop(self) -> None:
        """Ask the server to end, and wait until it has."""
        process_group.stop(self._process)

    def kill(self) -> None:
        """End the server at once, in the middle of whatever it does."""
        assert self._process.stdin
        self._process.stdin.write(b"k")
        self._process.stdin.flush()
        self._process.wait()
        self._process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def get_json(self, path: str) -> Any:
        """Ask past the browser, as somebody without cookies."""
        return json.loads(self._request(self.url, "GET", path)[1])

    def open_gate(self, name: str) -> None:
        self._request(self.url, "POST", f"/lab/gate/{name}")

    def wait_at_gate(self, name: str, requests: int = 1, *, seconds: float = 10) -> None:
        """Return when so many requests stand before the gate. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while (waiting := self.get_json(f"/lab/gate/{name}")["waiting"]) < requests:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{waiting} of {requests} requests reached the gate in {seconds} s")
            time.sleep(0.005)

    def processes_at_gate(self, name: str) -> int:
        """How many server processes have a request before the gate."""
        return int(self.get_json(f"/lab/gate/{name}")["processes"])

    def wait_for_outcome(self, token: str, *, seconds: float = 10) -> str:
        """How a request ended whose end the browser cannot see. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while (outcome := self.get_json(f"/lab/outcome/{token}")["outcome"]) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no outcome in {seconds} s")
            time.sleep(0.005)
        return str(outcome)

    def _request(self, url: str, method: str, path: str) -> tuple[int, bytes]:
        place = urlsplit(url).netloc
        connection = (
            http.client.HTTPSConnection(place, timeout=5, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(place, timeout=5)
        )
        try:
            connection.request(method, f"{self.prefix}{path}")
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
