"""Moving in without logging anyone out: cookies of other libraries, for `SessionMiddleware(adopt=[…])`.

Each class reads the sessions of one library. The libraries themselves are not needed.
"""

from sessions.moving._asgi_sessions import AsgiSessionsCookie
from sessions.moving._django import DjangoCache, DjangoDatabase, DjangoSignedCookie
from sessions.moving._flask import FlaskCookie
from sessions.moving._flask_session import FlaskSession
from sessions.moving._old_cookie import OldCookie, OldSession, Records, Refused
from sessions.moving._starlette import StarletteCookie
from sessions.moving._starsessions import StarsessionsCookie, StarsessionsRedis

__all__ = [
    "AsgiSessionsCookie",
    "DjangoCache",
    "DjangoDatabase",
    "DjangoSignedCookie",
    "FlaskCookie",
    "FlaskSession",
    "OldCookie",
    "OldSession",
    "Records",
    "Refused",
    "StarletteCookie",
    "StarsessionsCookie",
    "StarsessionsRedis",
]
