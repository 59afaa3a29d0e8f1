"""Uploaded archives and the builds made of them."""

from jitsu_py.server.snapshots.builds import Build
from jitsu_py.server.snapshots.receiving import Upload, too_large
from jitsu_py.server.snapshots.snapshots import Snapshots

__all__ = ["Build", "Snapshots", "Upload", "too_large"]
