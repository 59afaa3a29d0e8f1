"""Drives what is to what is wanted: drones and routes follow the store.

Wanted state (started or stopped, how many drones, which release) is stored first or with the switch;
the reconciler brings processes and routes to it when asked, when a drone changes, and on a timer. So
whatever is killed, the next round converges.

`reconciler` has the orders and the rounds, `moves` what either does to an app, `fleet` the drones it takes,
`desired` reads and records what is wanted, `retries` when what failed is tried again, `routing` says where
visitors are to be led.
"""

from jitsu_py.server.reconciler.reconciler import Reconciler

__all__ = ["Reconciler"]
