"""What happens to your users with library X: all targets of a run side by side, with cells of our own.

`python -m e2e.report.comparison [RESULTS.json…]` writes docs/comparison.md, .html and .json from the results
of one run, or of several with different targets. A run of the targets writes the page into its report.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from e2e.report.effects_on_users import EFFECTS, Effect, effect_of
from e2e.report.render import render
from e2e.report.results import FOLDER, CellResult, Results, State, in_order
from e2e.report.together import together

PAGE = Path("docs") / "comparison"
COMMAND = "make e2e-targets"
OURS = "sessions"
MARKS: Mapping[str, tuple[str, str]] = {
    "holds": ("✓", "holds"),
    "breaks": ("✗", "does not hold, in so many ways"),
    "failed": ("!", "failed unexpectedly in this run"),
    "not asked": ("–", "was not asked"),  # noqa: RUF001 - an en dash is meant
}
"""Mark and meaning."""


@dataclass(frozen=True)
class Sentence:
    """What happens, and the promises that say it should not."""

    text: str
    promises: tuple[str, ...]


@dataclass(frozen=True)
class Library:
    """Cells of one product and kind of store in which everything turned out the same."""

    product: str
    store: str
    platforms: tuple[str, ...]
    cells: tuple[str, ...]
    states: Mapping[str, State]
    """Promise → how it turned out"""
    breaks: tuple[Sentence, ...]
    limits: tuple[Sentence, ...]
    """Why promises, or aspects of them, were not asked"""

    @property
    def title(self) -> str:
        return f"{self.product}, {self.store}"

    @property
    def anchor(self) -> str:
        return self.cells[0]

    def happens(self, effect: Effect) -> list[Sentence]:
        """What happens to a person in this way."""
        found = ((line, [name for name in line.promises if name in effect.promises]) for line in self.breaks)
        return [Sentence(line.text, tuple(names)) for line, names in found if names]

    def mark(self, effect: Effect) -> str:
        """One of MARKS."""
        states = {self.states.get(name, "not run") for name in effect.promises}
        if "failed" in states:
            return "failed"
        if self.happens(effect):
            return "breaks"
        return "holds" if states & {"passed", "partly"} else "not asked"


@dataclass(frozen=True)
class Told:
    """A sentence and the libraries that it is about."""

    sentence: Sentence
    libraries: tuple[Library, ...]


def libraries(results: Results) -> list[Library]:
    """Ours first, then the targets in their order; runtimes that agree on everything are one."""
    found: list[Library] = []
    for cell in sorted(results.cells, key=lambda cell: cell.id in results.targets):
        library = _library(results, cell)
        for place, other in enumerate(found):
            if replace(other, platforms=(), cells=()) == replace(library, platforms=(), cells=()):
                platforms, cells = (*other.platforms, *library.platforms), (*other.cells, cell.id)
                found[place] = replace(other, platforms=platforms, cells=cells)
                break
        else:
            found.append(library)
    return found


def _library(results: Results, cell: CellResult) -> Library:
    facts = results.targets.get(cell.id)
    product, store, platform = (
        (facts["product"], facts["store"], facts["platform"]) if facts else (OURS, cell.store, cell.server)
    )
    states: dict[str, State] = {promise: results.state(cell.id, promise) for promise in results.promises}
    breaks = _sentences((name, results.breaks(name)) for name in results.promises)
    limits = _sentences((name, results.reasons(name)) for name in results.promises)
    return Library(product, store, (platform,), (cell.id,), states, breaks(cell.id), limits(cell.id))


def _sentences(cells_by_reason: Iterator[tuple[str, Mapping[str, list[str]]]]) -> Any:
    found = [
        (promise, reason, cells) for promise, reasons in cells_by_reason for reason, cells in reasons.items()
    ]

    def of(cell: str) -> tuple[Sentence, ...]:
        names: dict[str, list[str]] = {}
        for promise, reason, cells in found:
            if cell in cells:
                names.setdefault(reason, []).append(promise)
        return tuple(Sentence(reason, tuple(promises)) for reason, promises in names.items())

    return of


def told(found: Sequence[Library], effect: Effect) -> list[Told]:
    """What happens in this way with any of the libraries, what most have in common first."""
    about: dict[str, list[tuple[Sentence, Library]]] = {}
    for library in found:
        for sentence in library.happens(effect):
            about.setdefault(sentence.text, []).append((sentence, library))
    lines = [
        Told(
            Sentence(text, tuple(dict.fromkeys(name for line, _ in pairs for name in line.promises))),
            tuple(library for _, library in pairs),
        )
        for text, pairs in about.items()
    ]
    return sorted(lines, key=lambda line: -len(line.libraries))


def not_asked(found: Sequence[Library]) -> list[Told]:
    """Why something was not asked, and of whom."""
    about: dict[str, list[tuple[Sentence, Library]]] = {}
    for library in found:
        for sentence in library.limits:
            about.setdefault(sentence.text, []).append((sentence, library))
    return [
        Told(
            Sentence(text, tuple(dict.fromkeys(name for line, _ in pairs for name in line.promises))),
            tuple(library for _, library in pairs),
        )
        for text, pairs in about.items()
    ]


def shared(results: Results) -> list[tuple[str, int, int]]:
    """Platform, tests passed and tests run, of the sessions shared with our own server."""
    found = []
    for cell in results.cells:
        mine = [
            test
            for test in results.tests
            if test.cell == cell.id and any(name.endswith(": shared session") for name in test.promises)
        ]
        if mine:
            passed = sum(test.outcome == "passed" for test in mine)
            found.append((results.targets[cell.id]["platform"], passed, len(mine)))
    return found


def totals(library: Library) -> tuple[int, int]:
    """Promises that hold, and promises that were asked."""
    states = list(library.states.values())
    asked = sum(state not in ("not applicable", "not run") for state in states)
    return states.count("passed") + states.count("partly"), asked


def introduction(results: Results) -> str:
    day, browser = results.started.partition("T")[0], results.versions.get("chromium", "Chromium")
    return (
        f"Each library runs in a small app, and the same browser tests ask it the same promises: on {day}, "
        f"with {browser}, {results.ran} tests in {len(results.cells)} apps. The promises are this project's "
        "own; another library may have had other aims. Each app is written as a user of the library would "
        "write it, with the options that help. What a library has no method for is written out: a flash "
        "value is a key that the page removes, an increment reads and assigns."
    )


def markdown(results: Results) -> Iterator[str]:
    found = libraries(results)
    yield from ("# What happens to your users with library X", "")
    yield f"Generated by `python -m e2e.report.comparison` from the results of `{COMMAND}`, not typed."
    yield "[The same as a page](comparison.html), [and as JSON](comparison.json) with each promise."
    yield from ("", introduction(results).replace("promises:", "[promises](promises.md):", 1), "")
    yield "   ".join(f"{mark} {meaning}" for mark, meaning in MARKS.values())
    yield ""
    yield "| library | " + " | ".join(effect.title for effect in EFFECTS) + " | promises that hold |"
    yield "| --- |" + " :-: |" * (len(EFFECTS) + 1)
    for library in found:
        marks = " | ".join(_mark(library, effect) for effect in EFFECTS)
        held, asked = totals(library)
        platforms = ", ".join(library.platforms)
        yield f"| **{library.product}**, {library.store}, on {platforms} | {marks} | {held} of {asked} |"
    for effect in EFFECTS:
        if lines := told(found, effect):
            yield from ("", f"## {effect.title}", "", effect.sentence, "")
            for line in lines:
                yield f"- {line.sentence.text} {_names(line)}"
    if sessions := shared(results):
        yield from ("", "## One session across two languages", "")
        yield (
            "A browser goes back and forth between hono-sessions' cookie store and ours, with one key and "
            "one cookie: login, logout, flash, counter, on either side."
        )
        yield from ("", "| hono-sessions on | tests passed |", "| --- | --- |")
        yield from (f"| {platform} | {passed} of {ran} |" for platform, passed, ran in sessions)
    yield from ("", "## What was not asked", "")
    for line in not_asked(found):
        yield f"- {line.sentence.text} {_names(line)}"
    yield from ("", "## Versions and commands", "")
    yield f"`{COMMAND}` runs all of them, `{COMMAND} TARGET=NAME` the one of that name:"
    yield ""
    for name, facts in results.targets.items():
        versions = ", ".join(f"{package} {version}" for package, version in facts["versions"].items())
        yield f"- {facts['product']}, {facts['store']}, on {facts['platform']}: {versions}  "
        yield f"  `{name.removesuffix('-chromium')}`: `{facts['command']}` in `{facts['folder']}`"
    ours = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    yield from ("", f"Our own cells and the tests: {ours}")


def _mark(library: Library, effect: Effect) -> str:
    """With the number of sentences that tell of it."""
    kind = library.mark(effect)
    return f"{MARKS[kind][0]} {len(library.happens(effect))}" if kind == "breaks" else MARKS[kind][0]


def _names(line: Told) -> str:
    """The promises, and the libraries with their stores."""
    stores: dict[str, list[str]] = {}
    for library in line.libraries:
        stores.setdefault(library.product, []).append(library.store)
    named = ", ".join(f"{product} ({', '.join(dict.fromkeys(names))})" for product, names in stores.items())
    return f"**{named}** {', '.join(line.sentence.promises)}"


def as_json(results: Results) -> dict[str, Any]:
    """Everything that the pages say, and each promise."""
    return {
        "measured": results.started,
        "command": COMMAND,
        "tests": results.ran,
        "versions": results.versions,
        "promises": results.promises,
        "effects": [asdict(effect) for effect in EFFECTS],
        "libraries": [
            {
                "product": library.product,
                "store": library.store,
                "platforms": library.platforms,
                "effects": {effect.title: library.mark(effect) for effect in EFFECTS},
                "promises": library.states,
                "breaks": [asdict(sentence) for sentence in library.breaks],
                "not asked": [asdict(sentence) for sentence in library.limits],
                "targets": {
                    cell.removesuffix("-chromium"): results.targets[cell]
                    for cell in library.cells
                    if cell in results.targets
                },
            }
            for library in libraries(results)
        ],
    }


def write_page(results: Results, file: Path, *, report: bool = True) -> None:
    """The page; in a report it stands beside index.html."""
    found = libraries(results)
    render(
        file,
        "comparison.html",
        results=results,
        libraries=found,
        effects=EFFECTS,
        marks=MARKS,
        introduction=introduction(results),
        totals={library.anchor: totals(library) for library in found},
        not_asked=not_asked(found),
        shared=shared(results),
        command=COMMAND,
        report=report,
    )


def by_effect(results: Results) -> Results:
    """The same, with the promises in the order of what happens to a user."""
    order = in_order(results.promises, effect_of())
    return replace(results, promises={name: results.promises[name] for name in order})


def main(arguments: list[str]) -> int:
    into = PAGE
    if arguments and arguments[0].startswith("--into="):
        into = Path(arguments.pop(0).removeprefix("--into="))
    sources = [Path(argument) for argument in arguments] or [FOLDER / "results.json"]
    try:
        results = by_effect(together([Results.load(source) for source in sources]))
    except (OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    if not results.targets:
        print(f"{sources[0]} is of a run without targets; `{COMMAND}` makes one", file=sys.stderr)
        return 1
    into.with_suffix(".md").write_text("\n".join(markdown(results)) + "\n")
    into.with_suffix(".json").write_text(json.dumps(as_json(results), indent=1, ensure_ascii=False) + "\n")
    write_page(results, into.with_suffix(".html"), report=False)
    print(f"{into}.md, .html and .json: {len(results.targets)} targets")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
