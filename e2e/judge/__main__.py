"""Judge a server that is running: `python -m e2e.judge http://127.0.0.1:3000 [--store=cookie] [OPTION…]`.

`--store=cookie` is for sessions that are in the cookie itself; without it the server keeps them.
Other options are pytest's.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from e2e.judge import offer, summary
from e2e.judge.plan import STAND_INS, not_offered
from e2e.report.results import FOLDER, Results

TESTS = Path(__file__).parent.parent / "tests"
USAGE = 2
ELSEWHERE = (
    "Tests that start their own server (over https, in two processes, under a path, behind a proxy) "
    "are not asked."
)


def main(arguments: list[str]) -> int:
    store, rest = "server-side", []
    for argument in arguments:
        if argument.startswith("--store="):
            store = argument.removeprefix("--store=")
        else:
            rest.append(argument)
    if not rest or urlsplit(rest[0]).scheme != "http" or store not in STAND_INS:
        print(__doc__, file=sys.stderr)
        return USAGE
    url = "{0.scheme}://{0.netloc}".format(urlsplit(rest[0]))
    try:
        found = offer.ask(url, fresh=True)
    except offer.NotJudgeable as problem:
        print(problem, file=sys.stderr)
        return USAGE
    offered, known = found.count
    print(f"{url} offers {offered} of {known} routes.")
    if found.missing:
        print(not_offered(list(found.missing)))
    status = pytest.main([str(TESTS), f"--url={url}", f"--kept={store}", "--tb=no", *rest[1:]])
    if status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
        return int(status)
    results = Results.load(FOLDER / "results.json")
    print()
    for line in summary.lines(results):
        print(line)
    print(ELSEWHERE)
    print(f"The report, with a picture and a trace of each failure: {FOLDER}/index.html")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
