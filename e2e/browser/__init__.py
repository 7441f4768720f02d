"""The browsers: find or install one, and lead it through the tests quickly.

What is there for speed alone, with what it buys:

- `context_pool.py` gives a test the browser context of the test before it, wiped.
- `fresh_stack.py` runs a test on a call stack of its own.
- `garbage_collection.py` keeps the garbage collector away from what stays.
- `timeline.py` waits for the expiry of all sessions of a cell at once.
- `recording.py` keeps traces and screenshots only of tests that failed.
"""
