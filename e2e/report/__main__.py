"""Write the page of a run again: `python -m e2e.report [RESULTS.json] [PAGE.html]`."""

import sys
from pathlib import Path

from e2e.report.html import write_page
from e2e.report.marks import summary
from e2e.report.results import FOLDER, Results


def main(arguments: list[str]) -> int:
    source = Path(arguments[0]) if arguments else FOLDER / "results.json"
    page = Path(arguments[1]) if len(arguments) > 1 else source.with_name("index.html")
    try:
        results = Results.load(source)
    except (OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    write_page(results, page)
    print(f"{page}: {summary(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
