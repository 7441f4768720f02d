"""A Django project in one file, as far as its sessions go: its own login, on a database in a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

import django
from django.conf import settings
from django.core.management import call_command
from django.http import HttpResponse
from django.urls import path

from .old_apps import SECRET, VALUES

FOLDER: Final = tempfile.TemporaryDirectory()
DATABASE: Final = Path(FOLDER.name) / "django.db"

settings.configure(
    ALLOWED_HOSTS=["*"],
    AUTH_PASSWORD_VALIDATORS=[],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # as nobody guesses here
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY=SECRET,
)
django.setup()
call_command("migrate", verbosity=0)

from django.contrib.auth import login as sign_in  # noqa: E402 (it asks for the settings)
from django.contrib.auth.models import User  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

ada: Final = User.objects.create_user("ada")


def login(request: Any) -> HttpResponse:
    sign_in(request, ada)
    for key, value in VALUES.items():
        request.session[key] = value
    return HttpResponse()


urlpatterns = [path("login", login)]


def cookie(engine: str, **options: Any) -> str:
    """The cookie of somebody who has signed in, with this engine."""
    with override_settings(SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}", **options):
        answer: Any = Client().get("/login")
    assert answer.status_code == 200
    value: str = answer.cookies["sessionid"].coded_value
    return value
