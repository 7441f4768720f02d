"""Several runs as one: the jobs of a workflow, or a run that was made in parts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from e2e.matrix.explanation import NOT_CHOSEN, Choice, Kind
from e2e.promises import sentences
from e2e.report.results import CellResult, Results, in_order


def together(several: Sequence[Results]) -> Results:
    """The results of several runs as one. Of a cell that more than one has, the last one counts.

    A cell stands where the first run that has it puts it. The seconds are those of all runs together.
    """
    latest = {cell.id: results for results in several for cell in results.cells}
    cells = [cell for results in several for cell in results.cells if latest[cell.id] is results]
    servers = list(dict.fromkeys(cell.server for results in several for cell in results.cells))
    places = list(latest)
    cells.sort(key=lambda cell: (servers.index(cell.server), places.index(cell.id)))
    tests = [test for results in several for test in results.tests if latest[test.cell] is results]
    promises = {name: text for results in several for name, text in results.promises.items()}
    return Results(
        started=min(results.started for results in several),
        seconds=round(sum(results.seconds for results in several), 1),
        workers=max(results.workers for results in several),
        versions={name: version for results in several for name, version in results.versions.items()},
        promises={name: promises[name] for name in in_order(promises, sentences())},
        cells=cells,
        tests=tests,
        errors=[error for results in several for error in results.errors],
        selection=_each_once(results.selection for results in several),
        choices=_choices(several, cells),
        targets={
            name: facts
            for results in several
            for name, facts in results.targets.items()
            if latest.get(name) is results
        },
        expected=len(tests) + sum(max(0, results.expected - len(results.tests)) for results in several),
        narrowed=_each_once(results.narrowed for results in several),
    )


def in_folder(results: Results, folder: Path) -> Results:
    """The same, with the artifacts as somebody finds them who is in the folder above."""
    tests = [
        replace(test, artifacts=[(kind, str(folder / path)) for kind, path in test.artifacts])
        for test in results.tests
    ]
    return replace(results, tests=tests)


def _each_once(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _choices(several: Sequence[Results], cells: Sequence[CellResult]) -> list[Choice]:
    """Each place under one reason. That another run was to take it is none, if one of them has."""
    ran = {(cell.server, cell.store, cell.label) for cell in cells}
    reasons: dict[tuple[str, str, str], tuple[Kind, str]] = {}
    for choice in (choice for results in several for choice in results.choices):
        for place in choice.cells:
            if choice.kind == "not selected" and place in ran:
                continue
            if choice.reason != NOT_CHOSEN["named"] or place not in reasons:
                reasons[place] = choice.kind, choice.reason
    found: dict[tuple[Kind, str], list[tuple[str, str, str]]] = {}
    for place, reason in reasons.items():
        found.setdefault(reason, []).append(place)
    return [Choice(kind, text, places) for (kind, text), places in found.items()]
