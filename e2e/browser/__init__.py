"""The browsers: find or install one, and lead it through the tests quickly.

What is there for speed alone:

- `context_pool.py` gives a test the browser context of an earlier test, wiped: 65 ms for a page, not 125 ms.
  (The median of thirty by turns, in one test, `--server=uvicorn --store=memory`: `take` and `put_back`, or
  `new_context`, `new_page`, `goto` and `close`.)
- `timeline.py` waits for the expiry of all sessions of a cell at once, so that a cell waits only once.
- `recording.py` keeps traces and screenshots only of tests that failed.

What bought less than 5 % of a test of 500 ms is not here any more: call stacks of the tests' own (nothing
that ten runs by turns could show) and fewer garbage collections (8 ms a test, by `gc.callbacks`).
"""
