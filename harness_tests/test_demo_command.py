"""`make demo` takes the stores by their names in matrix.yml, and starts the database that one needs."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from e2e.matrix.matrix import Matrix
from services import needed_by

DATABASES = [name for name, url in Matrix.load().stores.items() if needed_by(url) and name != "mariadb"]


@contextmanager
def demo(*arguments: str) -> Iterator[str]:
    """The address of a demo."""
    command = [sys.executable, "-m", "e2e.demo", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        announced = re.search(r"http://\S+", process.stdout.readline())
        assert announced, "it did not say where it listens"
        yield announced[0]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("store", ["Memory", "sqlite", "cookie:", *DATABASES])
def test_a_store_of_any_name_works(store: str) -> None:
    with demo("--store", store) as url, urllib.request.urlopen(url) as answer:  # noqa: S310 - http
        assert answer.status == 200


def test_over_https_it_says_how_to_start_a_browser_that_binds_sessions() -> None:
    command = [sys.executable, "-m", "e2e.demo", "--port", "0", "--https"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        said = process.stdout.readline()
        assert process.stdout.readline().startswith("listening on https://")
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
    assert "--ignore-certificate-errors-spki-list=" in said
    assert "--enable-features=DeviceBoundSessions" in said


def test_the_server_ends_with_the_demo() -> None:
    with demo("--store", "memory") as url:
        pass
    place = urlsplit(url)
    deadline = time.monotonic() + 10
    while True:
        with socket.socket() as visitor:
            if visitor.connect_ex((place.hostname or "", place.port or 0)) != 0:
                return
        assert time.monotonic() < deadline, "it goes on alone"
        time.sleep(0.02)


def test_a_word_that_is_no_store_is_told_with_those_that_are() -> None:
    command = [sys.executable, "-m", "e2e.demo", "--store", "postgresql"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr == (
        "matrix.yml has no store postgresql; it has memory, sqlite, redis, postgres, sqlalchemy, cookie, "
        "mariadb. Did you mean postgres?\n"
    )
