"""Drains, and how far each has come in the logs of the apps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "drains",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=True),
        sa.Column("url", sa.LargeBinary(), nullable=False),
        sa.Column("redact", sa.Boolean(), nullable=False),
        sa.Column("ctime", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_drains_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_drains_app_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drains")),
        sa.UniqueConstraint("user_id", "ref", name=op.f("uq_drains_user_id")),
    )
    op.create_table(
        "drain_places",
        sa.Column("drain_id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["drain_id"], ["drains.id"], name=op.f("fk_drain_places_drain_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_drain_places_app_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("drain_id", "app_id", name=op.f("pk_drain_places")),
    )


def downgrade() -> None:
    op.drop_table("drain_places")
    op.drop_table("drains")
