"""The recipes of docs/monitoring.md do what the page says, on OpenTelemetry's own API."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import anyio
import pytest
from opentelemetry import metrics, trace
from opentelemetry.trace import NonRecordingSpan
from pages import block_with
from support import Browser, site

PAGE = "docs/monitoring.md"


class Told(metrics.NoOpCounter):
    """An instrument that keeps what it is told, as one of an SDK does."""

    def __init__(self, name: str, unit: str = "", description: str = "") -> None:
        super().__init__(name, unit, description)
        self.counted: Counter[tuple[tuple[str, Any], ...]] = Counter()
        self.values: list[float] = []

    def add(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        self.counted[tuple(sorted((attributes or {}).items()))] += int(amount)

    def set(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        self.values.append(amount)


class Meter(metrics.NoOpMeter):
    def __init__(self, instruments: dict[str, Told]) -> None:
        super().__init__("sessions")
        self._instruments = instruments

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Any:
        self._instruments[name] = Told(name, unit, description)
        return self._instruments[name]

    create_gauge = create_counter


class Provider(metrics.NoOpMeterProvider):
    def __init__(self) -> None:
        self.instruments: dict[str, Told] = {}

    def get_meter(self, *_: Any, **__: Any) -> metrics.Meter:
        return Meter(self.instruments)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """What an app sets with `metrics.set_meter_provider`, which can be done once in a process."""
    provider = Provider()
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", provider)
    return provider


@pytest.mark.anyio
@pytest.mark.promise("SEC-6: as metrics")
async def test_each_event_is_counted(provider: Provider) -> None:
    browser = Browser(site(on_event=block_with(PAGE, "create_counter").run()["count"]))
    await browser.get("/write?a=1")
    former = browser.copy()
    await browser.get("/rotate")
    await browser.get("/destroy")
    await former.get("/read")
    counted = provider.instruments["sessions.events"].counted
    assert {dict(attributes)["kind"]: number for attributes, number in counted.items()} == {
        "began": 1,
        "rotated": 1,
        "ended": 1,
        "refused": 1,
    }
    assert {name for attributes in counted for name, _ in attributes} == {"kind", "cookie", "reason"}


@pytest.mark.anyio
async def test_the_sessions_of_the_store_are_measured(provider: Provider) -> None:
    block = block_with(PAGE, "create_counter").run()
    await Browser(site(store=block["store"])).get("/write?a=1")
    measured = provider.instruments["sessions.living"].values
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(block["measure"], block["store"], 0)
            while not measured:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    assert measured[0] == 1


@pytest.mark.anyio
async def test_a_span_has_the_event_with_the_key() -> None:
    class Span(NonRecordingSpan):
        def add_event(self, name: str, attributes: Any = None, timestamp: Any = None) -> None:
            noted.append((name, dict(attributes)))

    noted: list[tuple[str, dict[str, str]]] = []
    browser = Browser(site(on_event=block_with(PAGE, "get_current_span").run()["note"]))
    with trace.use_span(Span(trace.INVALID_SPAN_CONTEXT)):
        await browser.get("/write?a=1")
    ((name, attributes),) = noted
    assert name == "session began"
    assert re.fullmatch("[0-9a-f]{64}", attributes["session.key"])
    assert browser.cookie() not in attributes.values()
