"""What all subjects have in common."""

KEY = "a key for measuring, of 32 or more characters"
TWO_WEEKS = 14 * 24 * 60 * 60

REFRESH_INTERVAL = 3600
"""Seconds between two extensions of a session of ours. It is a minute by default, so that each browser costs
a write in a minute. In bursts of thousands of requests a second that would count far too often.
"""

BROWSERS = 5_000
"""Browsers in turn, each with a cookie of its own. More than the 500 that a process of ours remembers."""

AT_ONCE = 32
"""Requests at the same time."""
