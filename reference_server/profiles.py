"""The same app under different session settings, side by side in one process and over one store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sessions import CookieOptions


@dataclass(frozen=True)
class Profile:
    """Times are in seconds; None is no such timeout. `prefix` is where the profile is mounted."""

    name: str
    prefix: str
    cookie: str
    summary: str
    expire_after: float | None = None
    absolute_timeout: float | None = None
    auto_extend_expiration: bool = True
    sealed: bool = False
    realm: str = ""
    max_bytes: int | None = None
    """Of cookies, with the cookie store; None is its default."""
    cookie_options: CookieOptions | None = None
    frame_ancestors: str = "'none'"
    """Whose pages may show this profile's in a frame (Content Security Policy)."""
    proof_lasts: float | None = None
    """Seconds that a device's proof lasts; None binds no session to a device."""

    @property
    def cart_cookie(self) -> str:
        """The second, independent session that every profile carries (OBJ-6)."""
        return f"{self.cookie}_cart"


MINUTE, HOUR = 60, 60 * 60

ROOT = Profile(
    "root",
    "",
    "session",
    "Ends after 30 idle minutes, and 12 hours after it began.",
    expire_after=30 * MINUTE,
    absolute_timeout=12 * HOUR,
)

PROFILES = (
    ROOT,
    Profile("short", "/short", "short", "Ends after two idle seconds.", expire_after=2),
    Profile(
        "fixed",
        "/fixed",
        "fixed",
        "Ends after two seconds: only touch() extends it.",
        expire_after=2,
        auto_extend_expiration=False,
    ),
    Profile(
        "absolute",
        "/absolute",
        "absolute",
        "Ends three seconds after it began, however busy.",
        expire_after=MINUTE,
        absolute_timeout=3,
    ),
    Profile("browser", "/browser", "browser", "No timeout: ends when the browser closes."),
    Profile(
        "sealed",
        "/sealed",
        "sealed",
        "As the first, with an encryption key: what the cookie holds is sealed.",
        expire_after=30 * MINUTE,
        absolute_timeout=12 * HOUR,
        sealed=True,
    ),
    Profile(
        "split",
        "/split",
        "split",
        "With the cookie store: up to 15,000 bytes in several cookies, more than many proxies take.",
        expire_after=30 * MINUTE,
        max_bytes=15_000,
    ),
    Profile(
        "host",
        "/host",
        "__Host-session",
        "Over https only: a cookie that no neighbouring subdomain can set.",
        expire_after=30 * MINUTE,
    ),
    Profile(
        "neighbour",
        "/neighbour",
        "session",
        "The cookie name of the first, in another realm: neither knows the other's sessions.",
        expire_after=30 * MINUTE,
        realm="neighbour",
    ),
    Profile(
        "third-party",
        "/third-party",
        "third_party",
        "Over https only: in frames on other sites, with a jar for each such site.",
        expire_after=30 * MINUTE,
        cookie_options=CookieOptions(same_site="none", secure=True, partitioned=True),
        frame_ancestors="*",
    ),
    Profile(
        "bound",
        "/bound",
        "bound",
        "Over https only, in a browser that can: bound to the device that signed in.",
        expire_after=30 * MINUTE,
        absolute_timeout=12 * HOUR,
        proof_lasts=10 * MINUTE,
    ),
    Profile(
        "brief",
        "/brief",
        "brief",
        "The same, and the device proves itself every three seconds.",
        expire_after=30 * MINUTE,
        proof_lasts=3,
    ),
)


def profiles_of(*, in_cookie: bool, pace: float = 1) -> Sequence[Profile]:
    """A session that is in its cookie cannot be bound to a device: the server keeps nothing to check.

    What lasts for seconds lasts `pace` times as long, for a slow browser. The summaries do not say so.
    """
    profiles = [profile for profile in PROFILES if not (in_cookie and profile.proof_lasts)]
    return [at_pace(profile, pace) for profile in profiles]


def at_pace(profile: Profile, pace: float) -> Profile:
    """The same, with all that lasts for less than a minute `pace` times as long."""

    def paced(seconds: float | None) -> float | None:
        return seconds * pace if seconds and seconds < MINUTE else seconds

    if pace == 1:
        return profile
    return replace(
        profile,
        expire_after=paced(profile.expire_after),
        absolute_timeout=paced(profile.absolute_timeout),
        proof_lasts=paced(profile.proof_lasts),
    )
