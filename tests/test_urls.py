"""Stores by URL."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from sessions import CookieStore, MemoryStore, SessionMiddleware, SQLiteStore, open_store
from sessions.stores import urls


async def nothing(*_: Any) -> None:
    """An app."""


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory:", MemoryStore),
        ("memory://", MemoryStore),
        ("MEMORY:", MemoryStore),
        ("cookie:", CookieStore),
        ("cookie://", CookieStore),
        ("sqlite:///sessions.db", SQLiteStore),
    ],
)
def test_a_url_opens_its_store(url: str, kind: type) -> None:
    assert type(open_store(url)) is kind


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["sessions.db", "with space.db", "with%20percent.db"])
async def test_a_sqlite_url_names_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    quoted = name.replace("%", "%25").replace(" ", "%20")
    for url in (f"sqlite:///{quoted}", f"sqlite:////{str(tmp_path).lstrip('/')}/{quoted}"):
        store = open_store(url)
        assert isinstance(store, SQLiteStore)
        await store.load("0" * 64)
        await store.close()
        assert name in os.listdir(tmp_path)
        for left in os.listdir(tmp_path):
            os.unlink(tmp_path / left)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory",
        "sessions.db",
        "/sessions.db",
        "memory:here",
        "cookie:here",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:sessions.db",
        "sqlite://sessions.db",
        "nosuch://user:hunter2@host/db",
        "sqlite://user:hunter2@host",
    ],
)
def test_what_names_no_store_is_a_value_error_that_does_not_quote_it(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


def test_a_package_may_offer_a_store_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def entry_points(*, group: str, name: str) -> list[EntryPoint]:
        assert group == "sessions.stores"
        return [EntryPoint(name, "test_urls:open_elsewhere", group)] if name == "elsewhere" else []

    def open_elsewhere(url: str) -> MemoryStore:
        opened.append(url)
        return MemoryStore()

    monkeypatch.setattr(urls, "entry_points", entry_points)
    monkeypatch.setattr(EntryPoint, "load", lambda self: open_elsewhere)
    assert isinstance(open_store("elsewhere://host/path"), MemoryStore)
    assert opened == ["elsewhere://host/path"]
    with pytest.raises(ValueError, match="scheme"):
        open_store("nowhere://host")


def test_the_middleware_takes_a_url_too() -> None:
    SessionMiddleware(nothing, "memory:")
    with pytest.raises(ValueError, match="URL"):
        SessionMiddleware(nothing, "nosuch:")
