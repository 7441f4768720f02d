"""A machine without nginx or Apache is told in one line, and no test passes for that."""

from __future__ import annotations

import pytest

from e2e import apt
from e2e.server.web_servers import install
from e2e.server.web_servers.apache import Apache
from e2e.server.web_servers.apache_shared_cache import ApacheSharedCache
from e2e.server.web_servers.nginx_shared_cache import NginxSharedCache
from e2e.server.web_servers.shared_cache import SharedCache
from services import ServiceFailed


@pytest.fixture(autouse=True)
def _nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)


def test_what_is_missing_is_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    install.main()
    said = capsys.readouterr()
    assert said.out == ""
    nginx, apache = said.err.splitlines()
    assert nginx.startswith("no nginx for the tests of proxies and caches")
    assert apache.startswith("no apache2 for the tests of proxies and caches")


@pytest.mark.parametrize("kind", [NginxSharedCache, ApacheSharedCache])
def test_a_test_that_needs_it_fails_with_that_line(kind: type[SharedCache]) -> None:
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
    install.main()
    assert installed == ["nginx", "apache2-bin"]
    assert capsys.readouterr().err == ""
