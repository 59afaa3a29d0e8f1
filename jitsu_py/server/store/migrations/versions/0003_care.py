"""Snapshots keep what their package.json asks of the drones' keeper; releases, when they first served."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("snapshots", sa.Column("care", sa.JSON(), nullable=True))
    op.add_column("releases", sa.Column("served", sa.Float(), nullable=True))
    # What an app has as its release came up at least once; of the others nobody knows.
    op.execute("UPDATE releases SET served = ctime WHERE id IN (SELECT release_id FROM apps)")


def downgrade() -> None:
    with op.batch_alter_table("releases") as releases:
        releases.drop_column("served")
    with op.batch_alter_table("snapshots") as snapshots:
        snapshots.drop_column("care")
