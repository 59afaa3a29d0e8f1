"""How a folder becomes a live app: `plan` only reads, `execute` writes, in the order the manual gives.

    options = DeployOptions(folder=Path("."))
    wanted = plan(client, options)
    deployed = execute(wanted, client, reporter)

Neither asks anything: what a person has to decide is in the options before `plan` is called.
"""

from __future__ import annotations

from jitsu_py.api.apps import START_TIMEOUT
from jitsu_py.deploy.deployed import Deployed
from jitsu_py.deploy.execution import build, execute
from jitsu_py.deploy.options import DeployOptions, settle
from jitsu_py.deploy.planning import Plan, plan
from jitsu_py.deploy.settings import Change

__all__ = [
    "START_TIMEOUT",
    "Change",
    "DeployOptions",
    "Deployed",
    "Plan",
    "build",
    "execute",
    "plan",
    "settle",
]
