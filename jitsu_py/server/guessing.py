"""Guessing made slow: every failure delays the next answers to that account and to that address."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Final

REMEMBERED: Final = 10_000
"""Accounts and addresses remembered; the oldest go first."""

FIRST: Final = 0.05
"""Seconds by which the first failure's answer is delayed; it doubles with each further one."""

SLOWEST: Final = 5.0
"""Seconds by which an answer is delayed at most."""

FORGIVEN: Final = 900.0
"""Seconds after which a failure no longer slows anybody down."""

PATIENCE: Final = 30
"""Failures of an account from all addresses, or of an address with all accounts, that cost nothing:
people behind one address, or a program with an old password somewhere, are no attack."""


class Guesses:
    """Counts failures. Only wrong answers wait: whoever knows the password is never kept out by others."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    async def failed(self, account: str, address: str) -> None:
        """Count a failure and wait as long as it costs."""
        delay = self.count(account, address)
        await asyncio.sleep(delay)

    def count(self, account: str, address: str) -> float:
        """Count a failure; the seconds it costs."""
        pair = self._add((account, address))
        wide = max(self._add((account, "")), self._add(("", address))) - PATIENCE
        return float(min(FIRST * 2 ** min(max(pair, wide), 20), SLOWEST))

    def succeeded(self, account: str, address: str) -> None:
        """Forget the failures of this account from this address."""
        self._failures.pop((account, address), None)

    def _add(self, key: tuple[str, str]) -> int:
        """Count one more; how many there were before."""
        count, since = self._failures.pop(key, (0, 0.0))
        now = time.monotonic()
        if now - since > FORGIVEN:
            count = 0
        self._failures[key] = (count + 1, now)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)
        return count
