"""Times as the API writes them."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> str:
    """The time: ISO 8601, UTC, milliseconds."""
    return iso(time.time())


def iso(seconds: float) -> str:
    """Epoch seconds as ISO 8601, UTC, milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
