"""Mails to people: put into `outbox/` first, then delivered by SMTP where that is set.

A mail is a file until a mail server has taken it, so that neither a crash nor a mail server that is down
loses it, and whoever asked for it does not wait, nor learn by the time it takes whether there is an account.
"""

from __future__ import annotations

import asyncio
import logging
import os
import smtplib
import ssl
import time
from contextlib import suppress
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING, Final

from jitsu_py.server.settings import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.server.letters import Letter
    from jitsu_py.server.settings import MailSettings

log = logging.getLogger(__name__)

PATIENCE: Final = 20.0
"""Seconds that a mail server may take for each step."""

PAUSES: Final = (1.0, 10.0, 60.0, 300.0)
"""Seconds between two tries; the last one is for all further ones."""

LOOKED_EVERY: Final = 5.0
"""Seconds between two looks into the outbox, in which an administrator's command may have put something."""

KEPT: Final = 3 * 86400.0
"""Seconds for which a delivery is tried; afterwards the file stays, with the suffix `.undelivered`."""


class Mailer:
    """The platform's letter box.

    Args:
        outbox: folder of the mails that are not delivered yet.
    """

    def __init__(self, outbox: Path, settings: MailSettings) -> None:
        self._outbox = outbox
        self._settings = settings
        self._posted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def post(self, to: str, letter: Letter) -> None:
        """Put a mail into the outbox, from where it is delivered soon; for any thread."""
        message = EmailMessage(policy=policy.SMTP)
        message["From"] = self._settings.sender
        message["To"] = Address(addr_spec=to)
        message["Subject"] = letter.subject
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = make_msgid(domain="jitsu.invalid")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        self._outbox.mkdir(mode=0o700, exist_ok=True)
        write_private(self._outbox / f"{time.time_ns()}-{os.urandom(4).hex()}.eml", message.as_bytes())
        if not self._settings.host:
            log.warning(
                "mail to %s is in %s, since no mail server is set:\n%s", to, self._outbox, letter.text
            )
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._posted.set)

    async def run(self) -> None:
        """Deliver what is in the outbox until cancelled; without a mail server, do nothing."""
        if not self._settings.host:
            return
        self._loop, failures = asyncio.get_running_loop(), 0
        while True:
            self._posted.clear()
            all_gone = await asyncio.to_thread(self._deliver)
            failures = 0 if all_gone else failures + 1
            pause = LOOKED_EVERY if all_gone else PAUSES[min(failures, len(PAUSES)) - 1]
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._posted.wait()

    def _deliver(self) -> bool:
        """Hand over all that waits, oldest first; False when something has to be tried again."""
        waiting = sorted(self._outbox.glob("*.eml"))
        if not waiting:
            return True
        try:
            with self._connected() as server:
                taken = [self._hand_over(server, path) for path in waiting]
                return all(taken)
        except (OSError, smtplib.SMTPException) as error:
            log.warning("the mail server %s:%d: %s", self._settings.host, self._settings.port, error)
            for path in waiting:
                _give_up_on_old(path)
            return False

    def _hand_over(self, server: smtplib.SMTP, path: Path) -> bool:
        try:
            server.send_message(message_from_bytes(path.read_bytes(), policy=policy.SMTP))
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
            log.warning("mail %s is refused: %s", path.name, error)
            _give_up_on_old(path)
            return not path.exists()
        path.unlink(missing_ok=True)
        return True

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca or None)
        # We greet as the sender's domain: to find out this machine's full name can take DNS a long time.
        at = (settings.host, settings.port, settings.sender.rpartition("@")[2])
        server: smtplib.SMTP
        if settings.security == "tls":
            server = smtplib.SMTP_SSL(*at, timeout=PATIENCE, context=context)
        else:
            server = smtplib.SMTP(*at, timeout=PATIENCE)
        try:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.username:
                server.login(settings.username, settings.password)
        except BaseException:
            server.close()
            raise
        return server


def _give_up_on_old(path: Path) -> None:
    """Keep a mail that nobody takes for days, but do not try it again."""
    born = int(path.name.partition("-")[0]) / 1e9
    if time.time() - born > KEPT:
        path.rename(path.with_suffix(".undelivered"))
