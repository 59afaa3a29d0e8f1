"""The platform: the Nodejitsu JSON API with builds, drones, router and logs behind it.

A room of its own: it shares `jitsu_py.wire` with the client and nothing else. `run` is its one door.
"""
