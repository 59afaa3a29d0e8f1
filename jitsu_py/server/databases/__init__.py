"""Databases of the users: a real server for each, supervised like drones, on loopback, with a password.

`databases` has the operations that the routes call; `keeper` holds an `instance` for each database, which
launches its `process`, probes it and brings it back; `kinds` says what a kind of server must know, `redis`
and its siblings know it. `addresses` says what programs connect with, `variables` what apps see.
"""

from jitsu_py.server.databases.databases import Databases

__all__ = ["Databases"]
