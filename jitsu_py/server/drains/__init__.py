"""Drains ship the lines of apps to receivers elsewhere: syslog or HTTPS, each line at least once.

A drain has no buffer of its own. It keeps in the store up to which line its receiver has taken an app's log,
and reads on from there; so a receiver that is slow or away for a day costs neither the apps nor the server
anything, and a restart of either loses nothing. Retention bounds what it can be behind.
"""

from jitsu_py.server.drains.addresses import Address, parse, resolve, shown
from jitsu_py.server.drains.drains import Drains
from jitsu_py.server.drains.shipper import Pace, State, covered

__all__ = ["Address", "Drains", "Pace", "State", "covered", "parse", "resolve", "shown"]
