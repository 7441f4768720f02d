"""A websocket that a page keeps open, to say something and get an answer, again and again."""

from typing import Any

from playwright.sync_api import Page

from e2e.browser.page import PATIENCE

OPEN = """([path, patience]) => new Promise((resolve, reject) => {
    setTimeout(() => reject("the websocket is silent"), patience);
    window.chat = new WebSocket(location.origin.replace("http", "ws") + path);
    chat.onmessage = event => resolve(JSON.parse(event.data));
    chat.onclose = chat.onerror = () => reject("the websocket was not opened");
})"""
SAY = """([message, patience]) => new Promise((resolve, reject) => {
    setTimeout(() => reject("the websocket is silent"), patience);
    chat.onmessage = event => resolve(JSON.parse(event.data));
    chat.onclose = chat.onerror = () => reject("the websocket was closed");
    chat.send(JSON.stringify(message));
})"""


def open_chat(page: Page, profile: str = "") -> Any:
    """The server's greeting: the values of the handshake's session."""
    return page.evaluate(OPEN, [f"{profile}/lab/ws", PATIENCE])


def say(page: Page, message: dict[str, Any]) -> Any:
    """The server's answer to the message."""
    return page.evaluate(SAY, [message, PATIENCE])
