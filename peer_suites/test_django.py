"""Django's `SessionTestsMixin`, what each of its own session stores has to pass, on the server-side stores.

The cookie store is not among them: Django saves outside of a response, where no cookie can be sent.
"""
# Django is installed for the peers' tests alone.
# pyright: reportMissingImports=false

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from asgiref.sync import async_to_sync
from django.conf import settings
from django.test import SimpleTestCase

from peer_suites.shim_django import SessionShim
from peer_suites.stores import MAKE_SERVER_SIDE

settings.configure(INSTALLED_APPS=["django.contrib.sessions", "sessions_tests"])
django.setup()

SessionTestsMixin: Any = import_module("sessions_tests.tests").SessionTestsMixin


class OnStore(SessionTestsMixin, SimpleTestCase):  # type: ignore[misc]
    __test__ = False
    store: str

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        store = MAKE_SERVER_SIDE[self.store](Path(folder.name))
        self.addCleanup(async_to_sync(store.close))
        self.backend = partial(SessionShim, store)
        super().setUp()


class Memory(OnStore):
    __test__ = True
    store = "memory"


class SQLite(OnStore):
    __test__ = True
    store = "sqlite"
