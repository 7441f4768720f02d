"""The conformance kit: for authors of stores, to find out whether a store keeps every store promise.

    import pytest
    from sessions.testing import StoreConformance

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda: MyStore(tmp_path / "sessions")  # each call: one more store on the same data

It needs pytest, Hypothesis and Trio, which `pip install 'sessions[testing]'` brings.
"""

try:
    import hypothesis as _hypothesis  # noqa: F401
    import pytest
    import trio as _trio  # noqa: F401
except ImportError as fault:
    raise ImportError(
        f"sessions.testing needs {fault.name}, which is not installed: pip install 'sessions[testing]'"
    ) from fault

# A failing assertion of the kit shall show its values, as one of the author's own tests does.
pytest.register_assert_rewrite(
    *(
        f"sessions.testing.{name}"
        for name in (
            "records",
            "expiry",
            "races",
            "processes",
            "owners",
            "emergency",
            "overview",
            "requests",
            "machine",
        )
    )
)

from sessions.testing.conformance import StoreConformance  # noqa: E402

__all__ = ["StoreConformance"]
