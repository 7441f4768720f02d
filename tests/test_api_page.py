"""docs/api.md names what is public: nothing is missing, and nothing is there that does not exist."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sessions.moving
import sessions.stores
import sessions.testing
from sessions import CookieOptions, OwnedSession, Record, Session, SessionMiddleware, Store, errors, iron

PAGE = (Path(__file__).parent.parent / "docs" / "api.md").read_text("utf-8")


def section(title: str) -> str:
    (text,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return str(text)


def rows(title: str) -> list[list[str]]:
    """The cells of all tables of a section, without their heads."""
    lines = re.findall(r"^\| (`.*) \|$", section(title), re.MULTILINE)
    return [[cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)] for line in lines]


def names(title: str) -> list[str]:
    found = [row[0] for row in rows(title)]
    assert len(found) == len(set(found))
    return found


def public(thing: type[object]) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def test_the_names_that_can_be_imported() -> None:
    assert set(names("from sessions import …")) == {*sessions.__all__, *sessions.stores.EXTRAS}


def test_the_methods_and_facts_of_a_session() -> None:
    assert set(names("Session")) == public(Session)


def test_the_methods_of_a_store() -> None:
    assert set(names("Store")) == public(Store)


def test_the_fields_of_records_and_listed_sessions() -> None:
    assert names("Record") == list(Record.__struct_fields__)
    listed = OwnedSession("key", Record(b"{}\n;", 0.0, 1.0))
    assert set(names("OwnedSession")) == {name for name in dir(listed) if not name.startswith("_")}


def test_the_options_with_their_defaults() -> None:
    parameters = inspect.signature(SessionMiddleware).parameters.values()
    expected = [
        (each.name, "" if each.default is each.empty else repr(each.default).replace("'", '"'))
        for each in parameters
        if each.name != "app"
    ]
    assert [(name, default) for name, default, _ in rows("SessionMiddleware")] == expected


def test_the_attributes_of_a_cookie_with_their_defaults() -> None:
    expected = [
        (each.name, repr(each.default).replace("'", '"')) for each in dataclasses.fields(CookieOptions)
    ]
    assert [(name, default) for name, default, _ in rows("CookieOptions")] == expected


def test_the_tree_of_errors() -> None:
    tree = section("Errors")
    public_errors = [each for each in vars(errors).values() if inspect.isclass(each)]
    assert len(public_errors) >= 7
    lines = {match[2]: len(match[1]) for match in re.finditer(r"^(.*?)(\w+)(?:  .*)?$", tree, re.MULTILINE)}
    for error in public_errors:
        parent, *also = error.__bases__
        assert lines[error.__name__] == lines[parent.__name__] + 4, f"{error.__name__} is a {parent.__name__}"
        for base in also:
            assert re.search(rf" {error.__name__} +also a {base.__name__}\.", tree)


def test_the_other_modules() -> None:
    assert set(names("sessions.iron")) == set(iron.__all__)
    assert set(names("sessions.moving")) == set(sessions.moving.__all__)
    assert set(names("sessions.testing")) == set(sessions.testing.__all__)


@pytest.mark.parametrize("command", names("The command line"))
def test_the_command_line(command: str) -> None:
    start, *rest = re.sub(r"[\[\]]", "", command).split(" URL")
    words = start.split()[1:]
    done = subprocess.run([sys.executable, *words, "--help"], capture_output=True, text=True, check=True)
    assert " URL" in done.stdout
    for word in " ".join(rest).split():
        assert word in done.stdout
