"""How a server is reached, for whoever speaks another protocol than HTTP with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Way:
    """What a transport knows of its server."""

    host: str
    """Base URL."""
    headers: Mapping[str, str] = field(repr=False)
    """That say who asks."""
    bundle: str | None
    """File or folder of the certificates that are trusted; None: none is checked."""
    proxy: str | None = field(repr=False)
    """Address of the proxy to go through; None: there is none."""
    timeout: float
    """Seconds in which a connection must come about."""
