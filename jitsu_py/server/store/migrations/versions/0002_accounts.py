"""Accounts: codes by mail, invitations, third-party tokens, locks and limits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain columns with a default: SQLite adds them without copying the table that others refer to.
    op.add_column("users", sa.Column("locked", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("users", sa.Column("doomed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("users", sa.Column("limits", sa.JSON(), nullable=True))
    op.create_table(
        "codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("ctime", sa.Float(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_codes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_codes")),
        sa.UniqueConstraint("digest", name=op.f("uq_codes_digest")),
    )
    op.create_index(op.f("ix_codes_user_id"), "codes", ["user_id"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("ctime", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_invitations")),
    )
    op.create_table(
        "thirdparty",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("ctime", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_thirdparty_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thirdparty")),
        sa.UniqueConstraint("user_id", "ref", name=op.f("uq_thirdparty_user_id")),
    )


def downgrade() -> None:
    op.drop_table("thirdparty")
    op.drop_table("invitations")
    op.drop_index(op.f("ix_codes_user_id"), table_name="codes")
    op.drop_table("codes")
    with op.batch_alter_table("users") as users:
        for name in ("limits", "doomed", "locked"):
            users.drop_column(name)
