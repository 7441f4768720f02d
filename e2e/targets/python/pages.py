"""The two pages that a person sees, as little as the browser tests need."""

from collections.abc import Mapping
from html import escape
from typing import Any

STYLE = "body { font-family: sans-serif }"


def _page(content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Target</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/demo.css"></head>'
        f"<body>{content}</body></html>"
    )


def lab() -> str:
    return _page("<h1>Lab</h1>")


def counter(prefix: str, visits: int) -> str:
    return _page(f'<h1>You have visited this page {visits} times</h1><a href="{prefix}/">Visit again</a>')


def login(prefix: str, values: Mapping[str, Any]) -> str:
    """`values`: email, message, error and attempts; what is missing is not shown."""
    shown = ""
    if message := values.get("message"):
        shown += f'<p id="message">{escape(message)}</p>'
    if error := values.get("error"):
        shown += f'<p id="error">{escape(error)}</p>'
    if attempts := values.get("attempts"):
        shown += f'<p id="failed-login-attempts">Failed login attempts: {attempts}</p>'
    if email := values.get("email"):
        return _page(
            f'{shown}<form method="post" action="{prefix}/logout">'
            f'<button id="logout-button">Log out {escape(email)}</button></form>'
        )
    return _page(
        f'{shown}<form id="login-form" method="post" action="{prefix}/login" novalidate>'
        '<input id="email" name="email" type="email"><input id="password" name="password" type="password">'
        '<button id="login-button">Log in</button></form>'
    )
