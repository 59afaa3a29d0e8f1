"""Certificates for HTTPS: people's own, an ACME authority's, and for `*.localhost` a local authority's.

`Certificates` keeps every host supplied and the router told; `checking` reads what people bring; `acme` and
`local` are the two authorities.
"""

from __future__ import annotations

from .keeper import Certificates, Held

__all__ = ["Certificates", "Held"]
