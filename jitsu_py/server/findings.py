"""What the doctor says of one thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    """Its name; an interface."""
    state: State
    found: str
    """What there is."""
    hint: str = ""
    """What to do; empty where nothing needs to be."""
