"""Read a YAML file of a declared form. An error names the file, the line and what is wrong there."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

T = TypeVar("T")

_PART = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+|\.\.\.)\]")


class MatrixError(ValueError):
    """matrix.yml, targets.yml, or a selection from them, makes no sense."""


def read(file: Path, form: type[T], choices: Mapping[str, Collection[str]]) -> T:
    """Raises MatrixError for text that is no YAML or has another form.

    `choices` are the fields that know a few values only; an error lists them.
    """
    text = file.read_text()
    try:
        return msgspec.yaml.decode(text, type=form)
    except msgspec.ValidationError as problem:
        raise MatrixError(_explain(file, text, with_choices(str(problem), choices))) from None
    except msgspec.DecodeError as problem:
        raise MatrixError(f"{file.name} is not YAML: {problem}") from None


def with_choices(problem: str, choices: Mapping[str, Collection[str]]) -> str:
    """The problem, with the values that there are if it is about another one."""
    for name, values in choices.items():
        if problem.startswith("Invalid enum value") and f".{name}`" in problem:
            what, at, place = problem.partition(" - at ")
            return f"{what}: {name} are one of {', '.join(values)}{at}{place}"
    return problem


def _explain(file: Path, text: str, problem: str) -> str:
    """`problem` ends with a place such as `$.exclude[3].server`, if it is not about the whole file."""
    what, _, path = problem.partition(" - at `$")
    node, words = yaml.compose(text, Loader=yaml.SafeLoader), list[str]()
    for part in _PART.finditer(path.rstrip("`")):
        if part["name"]:
            words.append(part["name"])
            children = node.value if isinstance(node, yaml.MappingNode) else []
            node = next((value for key, value in children if key.value == part["name"]), node)
        elif isinstance(node, yaml.SequenceNode) and part["index"] != "...":
            words.append(f"entry {int(part['index']) + 1}")
            node = node.value[int(part["index"])]
    line = node.start_mark.line + 1 if node else 1
    place = f" ({', '.join(words)})" if words else ""
    return f"{file.name}, line {line}{place}: {what}"
