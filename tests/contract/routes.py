"""Every route of the API in one table: the seed's, one by one in its order, then the others of api.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Who = Literal["anybody", "owner", "password"]


@dataclass(frozen=True)
class Route:
    """One operation.

    Args:
        seed: its heading in the seed; None: an old client's, or ours.
        who: may call it: anybody; the owner, also by a token; the owner by the password only.
        body: whether it reads a JSON body.
    """

    method: str
    path: str
    who: Who = "owner"
    body: bool = False
    seed: str | None = None

    @property
    def name(self) -> str:
        """As the OpenAPI description has it."""
        return f"{self.method} {self.path}"


SEED = (
    Route("GET", "/apps/{user}", seed="Get all Applications for a User"),
    Route("POST", "/apps/{user}", body=True, seed="Create a new Application"),
    Route("POST", "/apps/{user}/{app}/start", seed="Start an Application"),
    Route("POST", "/apps/{user}/{app}/stop", seed="Stop an Application"),
    Route("POST", "/apps/{user}/{app}/restart", seed="Restart an Application"),
    Route("PUT", "/apps/{user}", body=True, seed="Update an Application"),
    Route("DELETE", "/apps/{user}/{app}", seed="Delete an Application"),
    Route(
        "POST", "/apps/{user}/{app}/snapshots/{ref}/activate", seed="Make an existing snapshot the active app"
    ),
    Route("POST", "/apps/{user}/snapshots/{ref}", seed="Activate / Deploy a snapshot"),
    Route("GET", "/apps/{user}/{app}/snapshots", seed="Show a catalog of all Snapshot for an Application"),
    Route("GET", "/apps/{user}/{app}/snapshots/{ref}", seed="Show the contents of a Snapshot"),
    Route("POST", "/users/{user}", "anybody", body=True, seed="Create a new User, Confirm a User account"),
    Route("PUT", "/users/{user}", "password", body=True, seed="Update User"),
    Route("GET", "/users/{user}/tokens", "password", seed="Get User API Tokens"),
    Route("DELETE", "/users/{user}/tokens/{name}", "password", seed="Delete an API Token"),
    Route("PUT", "/users/{user}/tokens", "password", body=True, seed="Create an API Token"),
    Route("GET", "/users/{user}/thirdparty", "password", seed="Get User Third Party Tokens"),
    Route("DELETE", "/users/{user}/thirdparty/{ref}", "password", seed="Delete an Third Party Token"),
    Route("POST", "/users/{user}/thirdparty", "password", body=True, seed="Create an Third Party Token"),
    Route("POST", "/databases/{user}/{name}", body=True, seed="Create a new Database"),
    Route("GET", "/databases/{user}/{name}", seed="Get information about a Database"),
    Route("DELETE", "/databases/{user}/{name}", seed="Delete a Database"),
    Route("POST", "/logs/{user}", body=True, seed="Get all logs for a user"),
    Route("POST", "/logs/{user}/{app}", body=True, seed="Get logs for a specific application"),
)
"""The seed's routes."""

MORE = (
    Route("GET", "/", "anybody"),
    Route("GET", "/health", "anybody"),
    Route("GET", "/endpoints", "anybody"),
    Route("GET", "/auth"),
    Route("GET", "/apps/{user}/{app}"),
    Route("POST", "/apps/{user}/{app}", body=True),
    Route("PUT", "/apps/{user}/{app}", body=True),
    Route("PATCH", "/apps/{user}/{app}/env", body=True),
    Route("POST", "/apps/{user}/{app}/available", body=True),
    Route("POST", "/apps/{user}/{app}/rollback", body=True),
    Route("GET", "/apps/{user}/{app}/certs"),
    Route("PUT", "/apps/{user}/{app}/certs/{ref}", body=True),
    Route("DELETE", "/apps/{user}/{app}/certs/{ref}"),
    Route("POST", "/apps/{user}/{app}/certs/{ref}/retry"),
    Route("GET", "/apps/{user}/{app}/cloud"),
    Route("GET", "/apps/{user}/{app}/drones"),
    Route("GET", "/apps/{user}/{app}/metrics"),
    Route("GET", "/metrics"),
    Route("POST", "/apps/{user}/{app}/cloud", body=True),
    Route("POST", "/apps/{user}/{app}/snapshots/{ref}"),
    Route("GET", "/apps/{user}/{app}/snapshots/{ref}.tgz"),
    Route("GET", "/apps/{user}/{app}/snapshots/{ref}/log"),
    Route("DELETE", "/apps/{user}/{app}/snapshots/{ref}"),
    Route("POST", "/users/email/taken", "anybody", body=True),
    Route("GET", "/users/{user}/available", "anybody"),
    Route("POST", "/users/{user}/confirm", "anybody", body=True),
    Route("POST", "/users/{user}/forgot", "anybody", body=True),
    Route("GET", "/users/{user}", "password"),
    Route("DELETE", "/users/{user}", "password"),
    Route("POST", "/users/{user}/tokens", "password", body=True),
    Route("PUT", "/users/{user}/tokens/{name}", "password", body=True),
    Route("GET", "/databases/{user}"),
    Route("PUT", "/databases/{user}/{name}", body=True),
    Route("PUT", "/databases/{user}/{name}/apps/{app}"),
    Route("DELETE", "/databases/{user}/{name}/apps/{app}"),
    Route("POST", "/databases/{user}/{name}/rotate"),
    Route("POST", "/databases/{user}/{name}/start"),
    Route("POST", "/databases/{user}/{name}/stop"),
    Route("POST", "/databases/{user}/{name}/backups"),
    Route("GET", "/databases/{user}/{name}/backups"),
    Route("GET", "/databases/{user}/{name}/backups/{ref}"),
    Route("DELETE", "/databases/{user}/{name}/backups/{ref}"),
    Route("POST", "/databases/{user}/{name}/restore", body=True),
    Route("GET", "/drains/{user}"),
    Route("POST", "/drains/{user}", body=True),
    Route("DELETE", "/drains/{user}/{ref}"),
    Route("GET", "/logs/{user}"),
    Route("GET", "/logs/{user}/{app}"),
    Route("GET", "/logs/{user}/{app}/{rows}"),
    Route("GET", "/logs/{user}/{app}/tail"),
)
"""What the old clients and ours call beside them."""

ROUTES = (*SEED, *MORE)

STREAMS = {("GET", "/logs/{user}"), ("GET", "/logs/{user}/{app}/tail")}
"""Operations whose answer has no end."""
