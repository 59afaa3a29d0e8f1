"""What visitors did and how they fared: counted by app and drone. Pure, and cheap a request.

Times are kept in classes that are at most 5 % wide, so that any quantile is right within 5 %.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXACT: Final = 20
"""Milliseconds up to which each has a class of its own."""

_WIDTH: Final = math.log(1.05)

DRONES: Final = 200
"""Drones of an app whose counts are kept, the newest."""

NOBODY: Final = "-"
"""As which the log names what it does not know: no app at that address, no drone that answered."""


@dataclass
class Tally:
    """Requests that were answered, or given up."""

    statuses: Counter[int] = field(default_factory=Counter)
    """HTTP status -> requests; 0: the visitor left before an answer."""
    times: Counter[int] = field(default_factory=Counter)
    """Class of time -> requests."""
    waited: int = 0
    """Milliseconds, all requests together."""

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(self.statuses.values())

    def classes(self) -> dict[str, int]:
        """Requests by first digit of the status: `2xx`; `none`: the visitor left before an answer."""
        found: Counter[str] = Counter()
        for status, count in self.statuses.items():
            found[f"{status // 100}xx" if 100 <= status < 600 else "none"] += count
        return {name: found[name] for name in ("1xx", "2xx", "3xx", "4xx", "5xx", "none")}

    def quantile(self, part: float) -> int | None:
        """Milliseconds within which this part (0 to 1) of the requests was answered; None: there are none."""
        wanted, seen = part * self.times.total(), 0
        for number in sorted(self.times):
            seen += self.times[number]
            if seen >= wanted:
                return upper(number)
        return None

    def within(self, milliseconds: int) -> int:
        """Requests that took at most so long."""
        return sum(count for number, count in self.times.items() if upper(number) <= milliseconds)

    def add(self, status: int, milliseconds: int, count: int) -> None:
        """Count requests that fared alike."""
        self.statuses[max(0, status)] += count
        self.times[class_of(milliseconds)] += count
        self.waited += milliseconds * count


@dataclass
class Traffic:
    """An app's, as a whole and by drone."""

    whole: Tally = field(default_factory=Tally)
    drones: dict[str, Tally] = field(default_factory=dict)
    """By id, the newest last; pages that the router itself shows are no drone's."""

    def add(self, drone: str, status: int, milliseconds: int, count: int) -> None:
        """Count requests that fared alike."""
        self.whole.add(status, milliseconds, count)
        if drone not in {NOBODY, "<NOSRV>"}:
            self.drones.setdefault(drone, Tally()).add(status, milliseconds, count)
            while len(self.drones) > DRONES:
                del self.drones[next(iter(self.drones))]


def count(traffic: dict[str, Traffic], lines: Iterable[bytes]) -> Mapping[str, list[bytes]]:
    """Count the lines that HAProxy wrote, `APP DRONE STATUS WAIT/CONNECT/ANSWER REST`.

    What is not such a line is left out.

    Returns:
        The rests of the lines by app ("user/name"), for its file.
    """
    alike: Counter[tuple[bytes, bytes, bytes, bytes]] = Counter()
    rests: dict[bytes, list[bytes]] = {}
    for line in lines:
        parts = line.split(b" ", 4)
        if len(parts) == 5:
            app, drone, status, times, rest = parts
            alike[app, drone, status, times] += 1
            rests.setdefault(app, []).append(rest)
    names = {app: unquote(app.decode("ascii", "replace")) for app in rests}
    for (app, drone, status, times), many in alike.items():
        if (fared := _fared(status, times)) is not None:
            found = traffic.setdefault(names[app], Traffic())
            found.add(drone.decode("ascii", "replace"), *fared, many)
    return {names[app]: lines for app, lines in rests.items()}


def class_of(milliseconds: int) -> int:
    """The class of a time."""
    if milliseconds <= EXACT:
        return max(0, milliseconds)
    return EXACT + math.ceil(math.log(milliseconds / EXACT) / _WIDTH)


def upper(number: int) -> int:
    """The longest time of a class, milliseconds."""
    return number if number <= EXACT else round(EXACT * math.exp((number - EXACT) * _WIDTH))


def _fared(status: bytes, times: bytes) -> tuple[int, int] | None:
    """Status, and milliseconds from the request until the answer began; -1 stands for what never came."""
    try:
        return int(status), sum(max(0, int(part)) for part in times.split(b"/"))
    except ValueError:
        return None
