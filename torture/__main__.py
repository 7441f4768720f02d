"""`python -m torture [--operations N] [--store NAME…]`: see the package."""

from __future__ import annotations

import argparse
import sys

import uvloop

from torture.report import SHOWN, page, tables, write_histories
from torture.run import SHORT, run
from torture.servers import ROOT, STORES
from torture.summary import Summary, keep

PAGE = ROOT / "docs" / "torture.md"
KEPT = ROOT / "docs" / "torture.json"

USUAL = 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--operations", type=int, default=USUAL, help="on each store (a million)")
    parser.add_argument("--store", action="append", choices=STORES, help="one of them, or several times")
    options = parser.parse_args()
    results = []
    for store in options.store or STORES:
        print(f"{store} …", file=sys.stderr, flush=True)
        results.append(uvloop.run(run(store, options.operations)))
    summaries = [Summary.of(result) for result in results]
    print(tables(summaries), flush=True)
    failed = [result for result in results if result.violations]
    for result in failed:
        print(f"{result.store}: {len(result.violations)} violations")
        for violation in result.violations[:SHOWN]:
            print(f"  session {violation.life}: {violation.rule}: {violation.text}")
        print(f"Their histories are in {write_histories(result, ROOT / 'torture-report')}.")
    if options.operations >= SHORT and not failed:
        PAGE.write_text(page(keep(KEPT, summaries)), "utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
