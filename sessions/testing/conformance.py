"""All parts of the kit as one class."""

from sessions.testing.emergency import EmergencyPromises
from sessions.testing.expiry import ExpiryPromises
from sessions.testing.machine import MachinePromises
from sessions.testing.overview import OverviewPromises
from sessions.testing.owners import OwnerPromises
from sessions.testing.processes import ProcessPromises
from sessions.testing.races import RacePromises
from sessions.testing.records import RecordPromises
from sessions.testing.requests import RequestPromises


class StoreConformance(
    RecordPromises,
    ExpiryPromises,
    RacePromises,
    ProcessPromises,
    OwnerPromises,
    EmergencyPromises,
    OverviewPromises,
    RequestPromises,
    MachinePromises,
):
    """Every promise of a store, as tests. Inherit it, and give it a fixture `make_store`.

    The fixture returns a function; each call of that makes one more store object on the same data, which
    is empty when the test begins. For a store that is shared it is also called in other threads, and in
    processes that are forked. Class attributes tell what the store does not claim to do: `backends`,
    `shared`, `counts_purged`, `finds_by_owner`, `ends_everything`, `counts_sessions` and `scans_sessions`.
    """
