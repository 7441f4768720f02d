"""The tutorial, step by step: its files in an empty folder, its commands in a shell, and visitors."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pages import ROOT, Block, blocks

PAGE = ROOT / "docs/tutorial.md"
BLOCKS = blocks(PAGE)
STEPS = {
    int(match[1]): line
    for line, text in enumerate(PAGE.read_text("utf-8").splitlines(), 1)
    if (match := re.match(r"## (\d+)\. ", text))
}
"""Step → the line of its heading."""

ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "UVICORN_PORT": "0",
}


def step_of(block: Block) -> int:
    return max((step for step, line in STEPS.items() if line < block.line), default=0)


def command(step: int, word: str) -> str:
    """The last shell block up to this step that has the word in it."""
    found = [each.source for each in BLOCKS if each.language == "sh" and step_of(each) <= step]
    return next(source for source in reversed(found) if word in source)


@dataclass
class Shop:
    address: str
    visitors: list[httpx.Client]

    def visitor(self) -> httpx.Client:
        """Somebody with a browser of their own."""
        # The port is open once a worker has started.
        client = httpx.Client(base_url=self.address, transport=httpx.HTTPTransport(retries=6))
        client.follow_redirects = True
        self.visitors.append(client)
        return client


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = ""

    def follow(self, step: int) -> None:
        """Write the files as they are at the end of this step."""
        for block in BLOCKS:
            if block.file is not None and step_of(block) <= step:
                (self.path / block.file).write_text(block.source, "utf-8")

    @contextmanager
    def serving(self, step: int, *, https: bool = True) -> Iterator[Shop]:
        """The app, on a port of its own, started as the page says. Without https: as in the first steps."""
        self.follow(step)
        start = command(step, "uvicorn app").replace("" if https else "export SHOP_HTTPS=1\n", "")
        server = subprocess.Popen(
            ["/bin/sh", "-ec", start],
            cwd=self.path,
            env=ENVIRONMENT,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        shop = Shop("", [])
        assert server.stderr
        try:
            self.log = ""
            for line in server.stderr:
                self.log += line
                if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                    shop.address = found[1]
                    break
            assert shop.address, self.log
            yield shop
        finally:
            for visitor in shop.visitors:
                visitor.close()
            os.killpg(server.pid, signal.SIGTERM)
            self.log += server.communicate(timeout=30)[1]

    def run(self, step: int, word: str) -> subprocess.CompletedProcess[str]:
        """What a command of the page says, without what it installs."""
        self.follow(step)
        lines = [line for line in command(step, word).splitlines() if not line.startswith("pip ")]
        return subprocess.run(
            ["/bin/sh", "-ec", "\n".join(lines)],
            cwd=self.path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


PASSWORDS = {"ada": "difference engine", "grace": "nanosecond"}


def log_in(visitor: httpx.Client, name: str = "ada") -> None:
    visitor.post("/login", data={"name": name, "password": PASSWORDS[name]})


def is_signed_in(visitor: httpx.Client, name: str = "ada") -> bool:
    return f"You are {name}" in visitor.get("/account").text


def test_there_are_ten_steps_and_each_has_a_file() -> None:
    assert list(STEPS) == list(range(1, 11))
    assert {step_of(block) for block in BLOCKS if block.is_python} == set(STEPS)
    assert all(block.file for block in BLOCKS if block.is_python)


def test_1_visits_are_counted_for_each_browser(folder: Folder) -> None:
    with folder.serving(1) as shop:
        ada, grace = shop.visitor(), shop.visitor()
        said = [each.get("/").text for each in (ada, ada, grace)]
    assert said == [f"You have visited this page {number} times." for number in (1, 2, 1)]


def test_2_a_cart_is_filled_and_a_look_sets_no_cookie(folder: Folder) -> None:
    with folder.serving(2) as shop:
        ada, grace = shop.visitor(), shop.visitor()
        ada.post("/add", data={"item": "bread"})
        assert "<ul><li>bread</li><li>&lt;b&gt;</li></ul>" in ada.post("/add", data={"item": "<b>"}).text
        assert "<ul></ul>" in grace.get("/").text
        assert len(ada.cookies) == 1
        assert len(grace.cookies) == 0


def test_3_a_message_is_there_once(folder: Folder) -> None:
    with folder.serving(3) as shop:
        ada = shop.visitor()
        assert "Added: bread." in ada.post("/add", data={"item": "bread"}).text
        again = ada.get("/").text
        assert "Added" not in again
        assert "<li>bread</li>" in again


def test_4_a_login_gives_a_new_id_and_a_logout_ends_it(folder: Folder) -> None:
    with folder.serving(4) as shop:
        ada, thief = shop.visitor(), shop.visitor()
        ada.post("/add", data={"item": "bread"})
        before = ada.cookies["session"]

        for name, password in (("ada", "guessed"), ("ada", ""), ("nobody", "")):
            refused = ada.post("/login", data={"name": name, "password": password}).text
            assert "That is not right." in refused
        assert not is_signed_in(ada)
        assert ada.cookies["session"] == before

        log_in(ada)
        assert is_signed_in(ada)
        assert "bread" in ada.get("/").text
        assert ada.cookies["session"] != before
        thief.cookies["session"] = before
        assert not is_signed_in(thief)

        copied = ada.cookies["session"]
        left = ada.post("/logout")
        assert left.history[0].headers["clear-site-data"] == '"cache"'
        assert 'action="/login"' in left.text
        assert "session" not in ada.cookies
        thief.cookies["session"] = copied
        assert not is_signed_in(thief)


@pytest.mark.parametrize("step", [5, 10])
def test_5_its_test_passes_and_still_does_at_the_end(folder: Folder, step: int) -> None:
    done = folder.run(step, "python -m pytest")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_6_a_session_outlives_the_server(folder: Folder) -> None:
    with folder.serving(6) as shop:
        ada = shop.visitor()
        log_in(ada)
        cookie = ada.cookies["session"]
    with folder.serving(6) as shop:
        ada = shop.visitor()
        ada.cookies["session"] = cookie
        assert is_signed_in(ada)
    assert cookie.encode() not in b"".join(path.read_bytes() for path in folder.path.glob("sessions.db*"))


def test_7_the_cookie_is_for_https_and_ends(folder: Folder) -> None:
    with folder.serving(7) as shop:
        answer = shop.visitor().post("/add", data={"item": "bread"}, follow_redirects=False)
    (cookie,) = answer.headers.get_list("set-cookie")
    name, *attributes = re.split("; ?", cookie.lower())
    assert name.startswith("__host-session=")
    assert {"secure", "httponly", "path=/", "samesite=lax"} < set(attributes)
    (age,) = [int(each.removeprefix("max-age=")) for each in attributes if each.startswith("max-age=")]
    assert 1800 <= age <= 1900


def test_7_on_the_own_machine_it_needs_no_https(folder: Folder) -> None:
    with folder.serving(7, https=False) as shop:
        ada = shop.visitor()
        log_in(ada)
        assert is_signed_in(ada)


def test_8_another_site_can_send_nothing(folder: Folder) -> None:
    with folder.serving(8, https=False) as shop:
        ada = shop.visitor()
        host = shop.address.removeprefix("http://")
        ada.post("/add", data={"item": "bread"}, headers={"sec-fetch-site": "same-origin"})
        ada.post("/add", data={"item": "milk"}, headers={"origin": f"http://{host}"})
        for headers in ({"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}):
            assert ada.post("/add", data={"item": "poison"}, headers=headers).status_code == 403
        assert "<ul><li>bread</li><li>milk</li></ul>" in ada.get("/").text


def test_9_people_end_their_own_sessions_only(folder: Folder) -> None:
    with folder.serving(9, https=False) as shop:
        here, elsewhere, grace = shop.visitor(), shop.visitor(), shop.visitor()
        assert "Log in" in here.get("/devices").text
        log_in(here)
        log_in(elsewhere)
        log_in(grace, "grace")
        lines = re.findall(r"(here|elsewhere), since .*\n.*value=\"(\w+)\"", here.get("/devices").text)
        assert sorted(where for where, _ in lines) == ["elsewhere", "here"]

        for _, key in lines:
            grace.post("/devices/end", data={"key": key})
        assert is_signed_in(elsewhere)

        here.post("/devices/end", data={"key": dict(lines)["elsewhere"]})
        assert is_signed_in(here)
        assert not is_signed_in(elsewhere)
        assert is_signed_in(grace, "grace")


def test_10_production(folder: Folder) -> None:
    with folder.serving(10) as shop:
        # As the proxy, which tells that the browser uses https.
        proxy = {"x-forwarded-proto": "https", "origin": shop.address}
        ada = shop.visitor()
        ada.headers.update(proxy)
        sent = ada.post("/login", data={"name": "ada", "password": PASSWORDS["ada"]}, follow_redirects=False)
        cookie = sent.headers["set-cookie"].partition(";")[0]
        for _ in range(6):  # whichever worker answers
            visitor = shop.visitor()
            visitor.headers.update({**proxy, "cookie": cookie})
            assert is_signed_in(visitor)
        counted = folder.run(10, "python -m sessions count")
    assert counted.returncode == 0, counted.stderr
    assert counted.stdout.split()[0] == "1", counted.stdout
    assert "shop.audit:login: ada" in folder.log
    assert cookie.partition("=")[2] not in folder.log
