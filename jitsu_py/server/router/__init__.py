"""The router: one HAProxy whose actual routes are made equal to the wanted ones, by its runtime socket.

`Router` owns the process and serialises changes; `slots` decides what to change and talks to nobody;
`runtime` speaks to the socket, `process` starts and finds HAProxy, `config` and `pages` write its files;
`front` and `tls` are HTTPS;
`access` reads what HAProxy tells of each request, `tally` counts it.
"""

from __future__ import annotations

from .access import AccessLog
from .binary import find_haproxy
from .front import ApiHost, Front, Https
from .router import Router
from .routes import Page, Route, Target
from .tally import Tally, Traffic
from .tls import Certificate

__all__ = [
    "AccessLog",
    "ApiHost",
    "Certificate",
    "Front",
    "Https",
    "Page",
    "Route",
    "Router",
    "Tally",
    "Target",
    "Traffic",
    "find_haproxy",
]
