"""With which options each browser is started."""

import os
from typing import Any

from e2e.browser.install import Browser

OWN_NAMES = ("app.shop.test", "evil.shop.test")
"""Names of this machine. Firefox wants each of them; Chromium is told of all of `*.test`."""


def engine_of(name: str) -> str:
    """What Playwright calls the engine of a browser of matrix.yml."""
    return name.partition("-")[0]


def launch_options(browser: Browser) -> dict[str, Any]:
    """Keyword arguments for Playwright's `launch`."""
    options = {"chromium": _chromium, "firefox": _firefox, "webkit": _webkit}[engine_of(browser.name)]
    return {"executable_path": browser.executable, **options(browser)}


def _chromium(browser: Browser) -> dict[str, Any]:
    # Chromium's sandbox refuses to run as root; everybody else keeps it.
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    own_names = "--host-resolver-rules=MAP *.test 127.0.0.1"
    options = {"args": [own_names, "--disable-gpu", *(["--no-sandbox"] if as_root else [])]}
    if browser.name == "chromium-full":
        # Playwright turns it off, and going back then loads the page anew.
        options["ignore_default_args"] = ["--disable-back-forward-cache"]
    return options


def _firefox(browser: Browser) -> dict[str, Any]:
    # Playwright's go_back() waits for ever for a page out of Firefox's back-forward cache.
    # Prefetching links is on in Firefox, but Playwright turns it off.
    preferences = {
        "firefox_user_prefs": {
            "network.dns.localDomains": ",".join(OWN_NAMES),
            "browser.sessionhistory.max_total_viewers": 0,
            "network.prefetch-next": True,
        }
    }
    return preferences if browser.is_playwrights else {**preferences, "channel": "moz-firefox"}


def _webkit(_browser: Browser) -> dict[str, Any]:
    return {}
