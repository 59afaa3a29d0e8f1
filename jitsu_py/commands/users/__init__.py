"""`jitsu users`: parted by what the verbs do; here is what the table of commands names."""

from __future__ import annotations

from jitsu_py.commands.users.accounts import create, forgot
from jitsu_py.commands.users.group import users
from jitsu_py.commands.users.session import login, logout, whoami

__all__ = ["create", "forgot", "login", "logout", "users", "whoami"]
