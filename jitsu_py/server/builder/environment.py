"""The environment that a build's tools run in: little of the server's, and none of its secrets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.builder.process import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.server.builder.engines import Engine

PASSED: Final = (
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    # How the registry is reached from this machine.
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "npm_config_registry",
    "npm_config_cafile",
    "npm_config_globalconfig",
    "NPM_CONFIG_REGISTRY",
    "NPM_CONFIG_CAFILE",
    "NPM_CONFIG_GLOBALCONFIG",
)
"""Variables of the server that a build gets too."""


def user_npmrc() -> Path:
    """The npm configuration of whoever runs the server."""
    # npm takes the variable in any case; a shell or another npm may have set either.
    variables = {key.lower(): value for key, value in os.environ.items()}
    named = variables.get("npm_config_userconfig")
    return Path(named) if named else Path.home() / ".npmrc"


def tool_environment(
    engine: Engine, *, folder: Path, work: Path, cache: Path, npmrc: Path | None, own: Mapping[str, str]
) -> dict[str, str]:
    """Make the environment of an app's tools.

    Args:
        engine: first on PATH.
        folder: the app; its commands come before everything else on PATH.
        work: the build's folder: home and temporary files are in it, and go with it.
        cache: kept between builds: npm's downloads, Node's headers.
        npmrc: the server user's npm configuration; None: none.
        own: the app's variables; they cannot change those that hold the build together.
    """
    bins = folder / "node_modules" / ".bin"
    path = os.pathsep.join([str(bins), str(engine.node.parent), *os.get_exec_path()])
    kept = {key: os.environ[key] for key in PASSED if key in os.environ}
    fixed = {
        "PATH": path,
        "HOME": str(work / "home"),
        "TMPDIR": str(work / "tmp"),
        MARK: str(work),
        "npm_config_cache": str(cache / "npm"),
        "npm_config_devdir": str(cache / "node-gyp"),
        "npm_config_update_notifier": "false",
        "npm_config_progress": "false",
        "npm_config_color": "false",
        "npm_config_logs_max": "0",
        "NO_COLOR": "1",
        # Nobody is there to type a password.
        "GIT_TERMINAL_PROMPT": "0",
    }
    headers = engine.node.resolve().parent.parent
    if _has_headers(headers, engine.version):
        fixed["npm_config_nodedir"] = str(headers)
    if npmrc is not None and npmrc.is_file():
        fixed["npm_config_userconfig"] = str(npmrc)
    return {**kept, "NODE_ENV": "production", **own, **fixed}


def registry_of(env: Mapping[str, str]) -> str:
    """The registry that npm is configured for by an environment; "" where nothing names one."""
    lower = {key.lower(): value for key, value in env.items()}
    if named := lower.get("npm_config_registry"):
        return named
    try:
        text = Path(lower.get("npm_config_userconfig", "")).read_text("utf-8", "replace")
    except OSError:
        return ""
    found = re.search(r"(?m)^\s*registry\s*=\s*(\S+)", text)
    return found[1] if found else ""


def _has_headers(folder: Path, version: str) -> bool:
    """Whether native packages for a Node can be compiled with what lies in its folder, without a download."""
    try:
        text = (folder / "include/node/node_version.h").read_text("utf-8", "replace")
    except OSError:
        return False
    found = [re.search(rf"#define NODE_{part}_VERSION (\d+)", text) for part in ("MAJOR", "MINOR", "PATCH")]
    return ".".join(match[1] for match in found if match) == version
