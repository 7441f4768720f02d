"""For tests of an app with sessions, and for authors of stores.

For an app: `ClientSession` and `AsyncClientSession` begin the session of a test's client, look into it and
change it. `make_session` makes one for a handler that is called without an app. `sessions.testing.plugin` has
fixtures, docs/testing.md has recipes.

For a store: the conformance kit finds out whether it keeps every promise.

    import pytest
    from sessions.testing import StoreConformance

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda: MyStore(tmp_path / "sessions")  # each call: one more store on the same data

The kit needs pytest, Hypothesis and Trio, which `pip install 'sessions[testing]'` brings. It is imported when
it is first asked for.
"""

from typing import TYPE_CHECKING, Any, Final

from sessions.testing.bound_browser import AsyncBoundBrowser, BoundBrowser
from sessions.testing.client_session import AsyncClientSession, ClientSession
from sessions.testing.make_session import make_session
from sessions.testing.seen import SeenSession

if TYPE_CHECKING:
    from sessions.testing.conformance import StoreConformance

__all__ = [
    "AsyncBoundBrowser",
    "AsyncClientSession",
    "BoundBrowser",
    "ClientSession",
    "SeenSession",
    "StoreConformance",
    "make_session",
]

_PARTS: Final = (
    *("records", "expiry", "races", "processes", "owners", "emergency", "overview", "requests", "machine"),
)

if not TYPE_CHECKING:  # a type checker shall notice a name that is neither here nor there

    def __getattr__(name: str) -> Any:
        if name != "StoreConformance":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            import hypothesis  # noqa: F401, PLC0415
            import pytest  # noqa: PLC0415
            import trio  # noqa: F401, PLC0415
        except ImportError as fault:
            raise ImportError(
                f"StoreConformance needs {fault.name}, which is not installed:"
                " pip install 'sessions[testing]'"
            ) from fault
        # A failing assertion of the kit shall show its values, as one of the author's own tests does.
        pytest.register_assert_rewrite(*(f"sessions.testing.{part}" for part in _PARTS))
        from sessions.testing.conformance import StoreConformance  # noqa: PLC0415

        return StoreConformance
