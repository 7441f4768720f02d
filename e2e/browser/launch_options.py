"""With which options each browser is started."""

import os
from collections.abc import Sequence
from typing import Any

from e2e.browser.install import Browser
from e2e.server.certificate import Certificate

OWN_NAMES = ("app.shop.test", "evil.shop.test")
"""Names of this machine. Firefox wants each of them; Chromium is told of all of `*.test`."""


def engine_of(name: str) -> str:
    """What Playwright calls the engine of a browser of matrix.yml."""
    return name.partition("-")[0]


def launch_options(browser: Browser) -> dict[str, Any]:
    """Keyword arguments for Playwright's `launch`."""
    options = {"chromium": _chromium, "firefox": _firefox, "webkit": _webkit}[engine_of(browser.name)]
    return {"executable_path": browser.executable, **options(browser)}


def binding_options(browser: Browser, certificate: Certificate) -> dict[str, Any]:
    """The same for a full Chromium that binds sessions to itself (Device Bound Session Credentials).

    It keeps the keys in a file, as this machine may have no TPM. It does so only over a connection that it
    trusts: `ignore_https_errors` is not enough. It signs as often as it is asked to, and not six times in
    nine minutes.
    """
    options = launch_options(browser)
    options["args"] += binding_arguments(certificate)
    return options


def binding_arguments(certificate: Certificate) -> Sequence[str]:
    """Of Chromium's command line."""
    return [
        "--enable-features=DeviceBoundSessions:RefreshQuota/false,"
        "EnableBoundSessionCredentialsSoftwareKeysForManualTesting",
        f"--ignore-certificate-errors-spki-list={certificate.key_hash}",
    ]


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
