"""The columns of the fallback chain, and the table of outages"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("asked", sa.JSON(none_as_null=True)))
    op.add_column("jobs", sa.Column("tried", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("jobs", sa.Column("upscales", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "outages",
        sa.Column("provider", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pause", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("outages")
    with op.batch_alter_table("jobs") as jobs:
        for name in ("upscales", "tried", "asked"):
            jobs.drop_column(name)
