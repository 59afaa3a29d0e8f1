"""From a snapshot's archive to a folder that runs: unpack, engine, install, build, prune.

`Builder.build` is the door; `build.py` tells the flow.
"""

from __future__ import annotations

from jitsu_py.server.builder.build import Builder, Built, Job
from jitsu_py.server.builder.enclosure import build_limits
from jitsu_py.server.builder.unpack import ArchiveFile, Contents, Limits, inspect, unpack

__all__ = [
    "ArchiveFile",
    "Builder",
    "Built",
    "Contents",
    "Job",
    "Limits",
    "build_limits",
    "inspect",
    "unpack",
]
