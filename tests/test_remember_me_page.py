"""EXP-7: the recipe of docs/remember-me.md does what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import python_blocks
from starlette.testclient import TestClient
from support import attributes

(RECIPE,) = python_blocks("docs/remember-me.md")


@pytest.mark.promise("EXP-7")
@pytest.mark.parametrize(
    ("form", "max_age"),
    [
        ({"remember": "on"}, str(30 * 24 * 60 * 60)),
        ({"public": "on"}, None),
        ({}, str(60 * 60)),
    ],
)
def test_the_recipe(
    form: dict[str, str], max_age: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with TestClient(RECIPE.run()["app"], follow_redirects=False) as client:
        answer = client.post("/login", data={"name": "ada", **form})
        assert attributes(answer.headers["set-cookie"]).get("max-age") == max_age
        assert client.get("/").json() == "ada"
