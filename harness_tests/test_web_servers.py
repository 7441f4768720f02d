"""A machine without nginx or Apache is told in one line, and no test passes for that."""

from __future__ import annotations

import pytest

from e2e import apt, web_servers
from e2e.services import ServiceFailed
from e2e.services.apache import Apache
from e2e.services.apache_cache import ApacheCache
from e2e.services.cache_server import CacheServer
from e2e.services.nginx_cache import NginxCache


@pytest.fixture(autouse=True)
def _nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)


def test_what_is_missing_is_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    web_servers.main()
    said = capsys.readouterr()
    assert said.out == ""
    nginx, apache = said.err.splitlines()
    assert nginx.startswith("no nginx for the tests of proxies and caches")
    assert apache.startswith("no apache2 for the tests of proxies and caches")


@pytest.mark.parametrize("kind", [NginxCache, ApacheCache])
def test_a_test_that_needs_it_fails_with_that_line(kind: type[CacheServer]) -> None:
    with pytest.raises(ServiceFailed, match="for the tests of proxies and caches"):
        kind("http://127.0.0.1:1")


def test_what_is_missing_is_installed_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed: list[str] = []
    monkeypatch.setattr(apt, "install", installed.append)
    monkeypatch.setattr(apt, "unpack", lambda package, _: installed.append(package))
    monkeypatch.setattr("shutil.which", lambda name, **_: f"/{name}" if installed[-1:] == [name] else None)
    monkeypatch.setattr(Apache, "programs", ("apache2-bin",))
    web_servers.main()
    assert installed == ["nginx", "apache2-bin"]
    assert capsys.readouterr().err == ""
