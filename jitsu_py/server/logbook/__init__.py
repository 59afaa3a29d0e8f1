"""What drones print and what happens to apps: captured, kept, queried, followed.

Drones write into capture files of their own, so that nothing is lost while no server runs. The logbook reads
on from where it was and keeps the lines in one SQLite file an app; lines and the place read up to are
committed together, so that no line comes twice or never. What is committed is punched out of the capture
file.

Lines are not rows: a row is a block of up to 64 KiB that one drone printed to one stream. A million lines
are some thousand rows, which is what makes bursts, searches and the removal of old lines cheap.
"""

from jitsu_py.server.logbook.blocks import LONGEST
from jitsu_py.server.logbook.lines import Keep, Line, Note, Stream, Wanted
from jitsu_py.server.logbook.logbook import Logbook

__all__ = ["LONGEST", "Keep", "Line", "Logbook", "Note", "Stream", "Wanted"]
