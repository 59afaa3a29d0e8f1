"""Databases, and the apps that they are attached to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "databases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("memory", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(), nullable=True),
        sa.Column("schedule", sa.JSON(), nullable=True),
        sa.Column("ctime", sa.Float(), nullable=False),
        sa.Column("mtime", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_databases_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_databases")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_databases_user_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_databases_ref")),
        sa.UniqueConstraint("port", name=op.f("uq_databases_port")),
    )
    op.create_table(
        "attachments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("database_id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["database_id"], ["databases.id"], name=op.f("fk_attachments_database_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_attachments_app_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
        sa.UniqueConstraint("database_id", "app_id", name=op.f("uq_attachments_database_id")),
    )
    op.create_index(op.f("ix_attachments_app_id"), "attachments", ["app_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_attachments_app_id"), table_name="attachments")
    op.drop_table("attachments")
    op.drop_table("databases")
