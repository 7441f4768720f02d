"""The full matrix as jobs of a GitHub workflow: `python -m e2e.matrix --github` prints them as JSON.

A job is one server with some browsers, so that it takes minutes and a red one says where to look.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass

from e2e.matrix.matrix import Matrix

CELLS_A_JOB = 20
"""A browser joins the one before it in a job as long as there are no more cells than this."""


@dataclass
class Job:
    """`browser` has names with spaces between them, as `make e2e-full` takes them."""

    name: str
    server: str
    browser: str
    cells: int


def jobs(matrix: Matrix, limit: int = CELLS_A_JOB) -> list[Job]:
    """Every cell of the full matrix is in exactly one job."""
    found: list[Job] = []
    for server in matrix.servers:
        of_server: list[Job] = []
        cells = Counter(cell.browser for cell in matrix.cells if cell.server == server)
        for browser, number in cells.items():
            if of_server and of_server[-1].cells + number <= limit:
                last = of_server[-1]
                last.name += f", {browser}"
                last.browser += f" {browser}"
                last.cells += number
            else:
                of_server.append(Job(f"{server}: {browser}", server, browser, number))
        found += of_server
    return found


def as_json(matrix: Matrix) -> str:
    """One line, for `fromJSON` as a job's `strategy.matrix`."""
    return json.dumps({"include": [asdict(job) for job in jobs(matrix)]})
