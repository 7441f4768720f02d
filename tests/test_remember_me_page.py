"""EXP-7: the recipe of docs/remember-me.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support import attributes
from type_checkers import CHECKERS, Checker

PAGE = (Path(__file__).parent.parent / "docs" / "remember-me.md").read_text("utf-8")
(RECIPE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


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
    names: dict[str, Any] = {}
    exec(compile(RECIPE, "remember-me", "exec"), names)  # noqa: S102
    with TestClient(names["app"], follow_redirects=False) as client:
        answer = client.post("/login", data={"name": "ada", **form})
        assert attributes(answer.headers["set-cookie"]).get("max-age") == max_age
        assert client.get("/").json() == "ada"


@pytest.mark.parametrize("check", CHECKERS)
def test_its_types_are_right(check: Checker, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(RECIPE, "utf-8")
    assert not check([tmp_path / "shop.py"])
