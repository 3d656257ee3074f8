"""Mark jobs that are cancelled, and those that have been retried"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("cancelled", "retried"):
        op.add_column("jobs", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        "UPDATE jobs SET retried = true WHERE id IN (SELECT parent FROM jobs AS children WHERE parent IS NOT NULL)"
    )
    op.create_index("jobs_by_age", "jobs", ["created"])


def downgrade() -> None:
    op.drop_index("jobs_by_age", "jobs")
    with op.batch_alter_table("jobs") as jobs:
        for name in ("retried", "cancelled"):
            jobs.drop_column(name)
