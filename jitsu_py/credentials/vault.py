"""What `jitsu login` kept: tokens in the keyring, or in a 0600 file where no keyring answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py import tomlfile
from jitsu_py.credentials import Credential
from jitsu_py.credentials.ring import Keyring
from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Vault:
    """What `jitsu login` kept: tokens in the keyring, or in the file where no keyring answers.

    The file also remembers who logged in last on each host. A token is in one of the two, never in both, so
    one found in the file saves loading the keyring.

    Args:
        file: `credentials.toml`; made when something is kept, 0600.
        warn: told when the keyring does not answer.
        keyring: the system's, unless given; loaded at its first use.
    """

    def __init__(self, file: Path, warn: Callable[[str], None], keyring: Keyring | None = None) -> None:
        self.file = file
        self._warn = warn
        self._keyring = keyring or Keyring()

    def find(self, host: str, username: str | None) -> Credential | None:
        entry = self._entry(host)
        name = username or entry.username
        if not name:
            return None
        if token := entry.tokens.get(name):
            return Credential(name, token, str(self.file))
        token = self._keyring.get(_account(host, name))
        if not token and name in entry.keyring:
            why = self._keyring.fault or "it no longer has it"
            self._warn(f"the keyring does not give the token of {name} that was put there: {why}")
        return Credential(name, token, "keyring") if token else None

    def username(self, host: str) -> str | None:
        """Who logged in last on `host`."""
        return self._entry(host).username or None

    def keep(self, host: str, username: str, token: str) -> str:
        """Keep a token and remember its user as the host's; says where it is now."""
        self._entry(host)
        kept = self._keyring.set(_account(host, username), token)
        with tomlfile.edit(self.file) as document:
            entry = _Entry.parse(document.get(host, {}), self.file).without(username)
            tokens = entry.tokens if kept else {**entry.tokens, username: token}
            names = (*entry.keyring, username) if kept else entry.keyring
            document[host] = _Entry(username, names, tokens).table()
        if kept:
            return "keyring"
        why = self._keyring.fault or "it keeps nothing"
        self._warn(f"no keyring answers ({why}); the token is in {self.file}, readable by you alone")
        return str(self.file)

    def forget(self, host: str, username: str) -> bool:
        """Drop the token from wherever it is; says whether there was one."""
        entry = self._entry(host)
        if username not in {*entry.keyring, *entry.tokens}:
            return False
        if username in entry.keyring:
            self._keyring.delete(_account(host, username))
            if why := self._keyring.fault:
                self._warn(f"the keyring did not drop the token of {username} ({why}): make it void there")
        with tomlfile.edit(self.file) as document:
            document[host] = _Entry.parse(document.get(host, {}), self.file).without(username).table()
        return True

    def _entry(self, host: str) -> _Entry:
        return _Entry.parse(tomlfile.read(self.file).get(host, {}), self.file)


@dataclass(frozen=True)
class _Entry:
    """What the file says of one host."""

    username: str
    """Who logged in last; may be empty."""
    keyring: tuple[str, ...]
    """Whose tokens are in the keyring."""
    tokens: dict[str, str] = field(repr=False)
    """The others' tokens, by user."""

    @classmethod
    def parse(cls, data: Any, file: Path) -> _Entry:
        table = data if isinstance(data, dict) else {"username": None}
        username, names, tokens = table.get("username", ""), table.get("keyring", []), table.get("tokens", {})
        if not (isinstance(username, str) and isinstance(names, list) and isinstance(tokens, dict)):
            raise UsageError(f"{file} cannot be understood", hint="move it away and log in again")
        return cls(str(username), tuple(map(str, names)), {str(key): str(one) for key, one in tokens.items()})

    def without(self, username: str) -> _Entry:
        """The same without everything about a user."""
        return _Entry(
            "" if self.username == username else self.username,
            tuple(name for name in self.keyring if name != username),
            {name: token for name, token in self.tokens.items() if name != username},
        )

    def table(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {"username": self.username, "keyring": list(self.keyring), "tokens": self.tokens}


def _account(host: str, username: str) -> str:
    return f"{username}@{host}"
