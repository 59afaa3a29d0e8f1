"""What a person may set for the platform: `server.toml` in the state folder, read once, frozen."""

from jitsu_py.server.settings.folder import FILE, LOG_FILE, OUTPUT_FILE, engines_of, prepare, write_private
from jitsu_py.server.settings.reading import load
from jitsu_py.server.settings.sections import (
    MEMORY_MOST,
    AcmeSettings,
    Builds,
    Drones,
    Logs,
    MailSettings,
    Settings,
)

__all__ = [
    "FILE",
    "LOG_FILE",
    "MEMORY_MOST",
    "OUTPUT_FILE",
    "AcmeSettings",
    "Builds",
    "Drones",
    "Logs",
    "MailSettings",
    "Settings",
    "engines_of",
    "load",
    "prepare",
    "write_private",
]
