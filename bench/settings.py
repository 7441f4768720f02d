"""What all subjects have in common."""

KEY = "a key for measuring, of 32 or more characters"
TWO_WEEKS = 14 * 24 * 60 * 60

BROWSERS = 5_000
"""Browsers in turn, each with a cookie of its own. More than the 500 that a process of ours remembers."""

AT_ONCE = 32
"""Requests at the same time."""
