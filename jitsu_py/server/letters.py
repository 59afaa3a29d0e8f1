"""What the platform writes to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jitsu_py.server.store import codes

_END: Final = ("", "If this was not you, do nothing: without the code nothing happens.")


@dataclass(frozen=True)
class Letter:
    """A mail before it has an address."""

    subject: str
    text: str


def confirm(user: str, code: str, host: str) -> Letter:
    """To somebody who has just signed up, or asks again for the code."""
    days = round(codes.LASTS["confirm"] / 86400)
    return _letter(
        f"Confirm your jitsu account {user}",
        f"Welcome, {user}.",
        "",
        f"Invite code: {code}",
        "",
        f"Confirm the account on {host} within {days} days:",
        "",
        f"    jitsu host {host}",
        f"    jitsu users confirm {user} {code}",
        *_END,
    )


def forgot(user: str, code: str, host: str) -> Letter:
    """To somebody whose password is forgotten."""
    minutes = round(codes.LASTS["password"] / 60)
    return _letter(
        f"A new password for your jitsu account {user}",
        f"Hello {user}.",
        "",
        f"Code: {code}",
        "",
        f"Set a new password on {host} within {minutes} minutes:",
        "",
        f"    jitsu users forgot {user} {code}",
        *_END,
    )


def new_address(user: str, code: str, host: str) -> Letter:
    """To the address that is to be an account's from now on."""
    hours = round(codes.LASTS["email"] / 3600)
    return _letter(
        f"Confirm this address for your jitsu account {user}",
        f"Hello {user}.",
        "",
        f"Code: {code}",
        "",
        f"Confirm this address on {host} within {hours} hours:",
        "",
        f"    jitsu users confirm {user} {code}",
        *_END,
    )


def address_changes(user: str, address: str) -> Letter:
    """To the address that an account is about to leave."""
    return _letter(
        f"Your jitsu account {user} changes its address",
        f"Hello {user}.",
        "",
        f"Your account is to use {address} from when that address is confirmed.",
        "If this was not you, change your password now: jitsu users changepassword",
    )


def invitation(address: str, host: str) -> Letter:
    """To somebody whom an administrator invites."""
    return _letter(
        "You are invited to jitsu",
        "Hello.",
        "",
        f"You may have an account on {host}. Choose a name and sign up with this address, {address}:",
        "",
        f"    jitsu host {host}",
        "    jitsu signup",
    )


def _letter(subject: str, *lines: str) -> Letter:
    return Letter(subject, "\n".join(lines) + "\n")
