"""The system's keyring, which may be missing, locked, broken or silent, and never keeps anybody waiting."""

from __future__ import annotations

import threading
from typing import Any

SERVICE = "jitsu"
"""Name of the service in the keyring; the entry is "user@host"."""

PATIENCE = 20.0
"""How long a keyring may think before it counts as silent, seconds: somebody may be typing its password."""

NOBODY_THERE = 5.0
"""The same, where nobody is there to type: long enough for a busy machine."""


class Keyring:
    """The system's keyring. Where it does not answer, `fault` says why, and it is not asked again.

    Args:
        seconds: how long it may think.
    """

    def __init__(self, seconds: float = PATIENCE) -> None:
        self.fault = ""
        self._seconds = seconds

    def get(self, account: str) -> str | None:
        """The secret of `account`; None when there is none or the keyring does not answer."""
        found = self._call("get_password", account)
        return found if isinstance(found, str) and found else None

    def set(self, account: str, secret: str) -> bool:
        """Keep `secret`; says whether it can be read back (the null backend swallows everything)."""
        self._call("set_password", account, secret)
        return self.get(account) == secret

    def delete(self, account: str) -> None:
        """Drop the secret of `account`, if the keyring lets us."""
        self._call("delete_password", account)

    def _call(self, name: str, *arguments: str) -> Any:
        """Call the keyring in a thread of its own: a locked one waits for a person, who may not be there."""
        if self.fault:
            return None
        answers: list[Any] = []
        thread = threading.Thread(target=self._work, args=(answers, name, arguments), daemon=True)
        thread.start()
        thread.join(self._seconds)
        if thread.is_alive():
            self.fault = f"no answer within {self._seconds:g} s; it may be locked"
        return answers[0] if answers else None

    def _work(self, answers: list[Any], name: str, arguments: tuple[str, ...]) -> None:
        try:
            import keyring

            answers.append(getattr(keyring, name)(SERVICE, *arguments))
        except Exception as error:  # backends raise what they like
            self.fault = str(error).splitlines()[0] if str(error) else type(error).__name__
