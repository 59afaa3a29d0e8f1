"""Snapshots keep the command that is run once before their first start, and when it ended well."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("snapshots", sa.Column("release", sa.String(), nullable=True))
    op.add_column("snapshots", sa.Column("released", sa.Float(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("snapshots") as snapshots:
        snapshots.drop_column("released")
        snapshots.drop_column("release")
