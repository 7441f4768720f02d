"""`python -m scale [--store NAME…] [--sessions N]`: see the package."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from scale.figures import keep
from scale.page import page
from scale.places import STORES
from scale.steps import measured

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "scale.md"
KEPT = ROOT / "docs" / "scale.json"

USUAL = 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scale", description=__doc__)
    parser.add_argument("--sessions", type=int, default=USUAL, help="in each store (a million)")
    parser.add_argument("--store", action="append", choices=STORES, help="one of them, or several times")
    options = parser.parse_args()
    found = []
    for store in options.store or STORES:
        print(f"{store} …", file=sys.stderr, flush=True)
        # In a process of its own, as the memory that a process takes is measured.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            found.append(alone.submit(measured, store, options.sessions).result())
    print(page(found), flush=True)
    if options.sessions >= USUAL:
        PAGE.write_text(page(keep(KEPT, found)), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
