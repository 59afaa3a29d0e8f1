"""Platforms with settings of their own, and the mails that they write."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING

from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def platform_with(settings: str) -> Iterator[LocalPlatform]:
    """A platform whose server.toml says this."""
    folder = Path(tempfile.mkdtemp(prefix="jitsu-test-"))
    (folder / "home").mkdir()
    (folder / "home" / "server.toml").write_text(settings)
    try:
        with LocalPlatform(folder / "home") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def mails(platform: LocalPlatform, address: str) -> list[str]:
    """The texts of the mails to an address that lie in the outbox, oldest first."""
    found = []
    for path in sorted((platform.home / "outbox").glob("*.eml")):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        if message["To"] == address:
            found.append(message.get_content().replace("\r\n", "\n"))
    return found


def newest_code(platform: LocalPlatform, address: str, *, count: int = 1) -> str:
    """The code in the newest mail to an address, when there are that many."""
    deadline = time.monotonic() + 10
    while len(mails(platform, address)) < count:
        assert time.monotonic() < deadline, mails(platform, address)
        time.sleep(0.02)
    return code_in(mails(platform, address)[-1])


def code_in(text: str) -> str:
    """The code in a mail."""
    match = re.search(r"[Cc]ode: ([0-9a-f]{24})$", text, re.MULTILINE)
    assert match is not None, text
    return match.group(1)


def join(platform: LocalPlatform, name: str, password: str = "long enough") -> tuple[str, str]:
    """Sign somebody up, confirm and set a password; their login."""
    address = f"{name}@example.com"
    assert platform.call("POST", f"/users/{name}", {"email": address}, auth=None).status_code == 201
    code = newest_code(platform, address)
    confirmed = platform.call("POST", f"/users/{name}", {"inviteCode": code}, auth=None).json()
    body = {"shake": confirmed["shake"], "new-password": password}
    assert platform.call("POST", f"/users/{name}/forgot", body, auth=None).status_code == 200
    return name, password
