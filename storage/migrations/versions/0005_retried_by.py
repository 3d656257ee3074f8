"""Store which job retries another, so that the mark and the retry are one write"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("retried_by", sa.String(32)))
    op.execute("UPDATE jobs SET retried_by = '' WHERE retried")
    op.drop_column("jobs", "retried")


def downgrade() -> None:
    op.add_column("jobs", sa.Column("retried", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE jobs SET retried = true WHERE retried_by IS NOT NULL")
    op.drop_column("jobs", "retried_by")
