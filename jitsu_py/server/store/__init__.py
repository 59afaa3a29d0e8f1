"""What the platform keeps: the state database, one module an aggregate.

The modules' functions take a connection of `Store.read()` or `Store.write()`, so that a caller
decides what belongs into one transaction.
"""

from jitsu_py.server.store.engine import Store, open_store
from jitsu_py.server.store.sealing import Sealer, load_sealer

__all__ = ["Sealer", "Store", "load_sealer", "open_store"]
