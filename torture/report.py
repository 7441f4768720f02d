"""The table of a run, and the page docs/torture.md that is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from torture.run import Result


def table(results: Sequence[Result]) -> str:
    lines = []
    for r in results:
        lines.append(f"{r.store}: {r.operations} operations, {r.lives} lives, {r.seconds:.1f} s, "
                     f"{r.operations / r.seconds:.0f}/s, violations {len(r.violations)}")
        lines += [f"    {k}: {v}" for c in (r.counts, r.strikes, r.checked) for k, v in c.items()]
    return "\n".join(lines)


def page(results: Sequence[Result]) -> str:
    return table(results)


def write_histories(result: Result, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / f"{result.store}.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode([{"life": l.number, "violations": [v for v in result.violations if v.life == l.number], "operations": l.operations} for l in result.histories])))
    (folder / f"{result.store}.log").write_text(result.log)
    return folder
