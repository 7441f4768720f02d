"""Every exception that the library raises on purpose, as one small tree.

No message carries a session id, a cookie or a stored value: messages end up in logs.
"""


class SessionError(Exception):
    """The root: `except SessionError` catches all of them."""


class InvalidCookie(SessionError, ValueError):
    """A cookie that is no session cookie of ours: garbage, tampered, duplicated, wrongly keyed.

    The middleware turns it into an anonymous request; it reaches no handler.
    """


class SessionTooLarge(SessionError, ValueError):
    """The session is larger than the store's `max_bytes`.

    Raised by `await session.save()`, and at the start of the response before anything of it is sent; the
    store keeps the session that it had.
    """


class CookieTooLarge(SessionTooLarge):
    """The sealed session is larger than the cookie store's `max_bytes`.

    Raised before anything of the response is sent; the browser keeps its previous session.
    """


class StoreUnavailable(SessionError):
    """The store cannot be reached or does not answer.

    Drivers wrap their client's errors in it. Before the response has started the middleware answers
    503 with `Retry-After`, and no cookie is touched.
    """


class WriteConflict(StoreUnavailable):
    """So many requests wrote to one session at once that the bounded number of tries ran out.

    Or, after a lost answer, so many that nothing can tell any more whether the change was saved.
    """


class SessionEnded(SessionError):
    """The session was destroyed or rotated by another request (or expired) while this one ran.

    Raised by `await session.save()`; a plain commit logs one line instead and sends no cookie.
    """


class LateChange(SessionError, RuntimeError):
    """The session was changed after the response had started, and the change cannot be kept.

    Either nothing followed the change up with `await session.save()`, or it is one that the browser
    would have to be told of (a new session, a rotation, anything in a cookie store).
    """
