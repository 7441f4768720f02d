"""Write the pages of a run again, from its results.json.

`python -m e2e.report FOLDER FOLDER` makes one report of several runs, in the folder above theirs.
`--markdown` prints it in short, for the summary of a workflow's job.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from e2e.report.html import write_page
from e2e.report.job_summary import markdown
from e2e.report.marks import summary
from e2e.report.results import FOLDER, Results
from e2e.report.together import in_folder, together


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m e2e.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path, default=[FOLDER], metavar="FOLDER")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args(arguments)
    folders: list[Path] = given.folders
    try:
        runs = [Results.load(folder / "results.json") for folder in folders]
        into = Path(os.path.commonpath(folders))  # of one: that one
    except (OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    if len(runs) == 1:
        (results,) = runs
    elif into in folders:
        print(f"{into}: its own report would be overwritten", file=sys.stderr)
        return 1
    else:
        results = together(
            [in_folder(run, folder.relative_to(into)) for run, folder in zip(runs, folders, strict=True)]
        )
        results.save(into / "results.json")
    page = into / "index.html"
    write_page(results, page)
    if given.markdown:
        print("\n".join(markdown(results)))
    else:
        print(f"{page}: {summary(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
