"""The apps of docs/frameworks.md, each with more pages.

/read       the session's values
/untouched  does not look at the session
/lose       changes the session and answers 500
/stream     saves a change after the start of the response
/late       changes it there and does not save
/task       saves a change in a task after the response
/socket     a websocket: counts, saves, and sends what it has
/own        the framework's own session: sets a value, shows its messages, adds one
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from framework_pages import django_pages, fastapi_pages, litestar_pages, quart_pages, starlette_pages

PAGE: Final = Path(__file__).parent.parent.joinpath("docs/frameworks.md").read_text("utf-8")
FILES: Final = {
    match[2]: match[1]
    for match in re.finditer(r"^```python.*?\n(# (\w+)\.py\n.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
}
"""Module name → its text."""

MORE: Final[dict[str, Callable[[Any], None]]] = {
    "on_starlette": starlette_pages.add_pages,
    "on_fastapi": fastapi_pages.add_pages,
    "on_litestar": litestar_pages.add_pages,
    "on_quart": quart_pages.add_pages,
    "on_django": django_pages.add_pages,
}
"""Module name → what adds these pages to its app."""
