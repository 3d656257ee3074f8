"""Store why a parked job was refused, and NULL for an unknown channel (it was written as 0)"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("channel_id", existing_type=sa.BigInteger(), nullable=True)
        jobs.add_column(sa.Column("refused", sa.JSON(none_as_null=True)))
    op.execute("UPDATE jobs SET channel_id = NULL WHERE channel_id = 0")


def downgrade() -> None:
    op.execute("UPDATE jobs SET channel_id = 0 WHERE channel_id IS NULL")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("refused")
        jobs.alter_column("channel_id", existing_type=sa.BigInteger(), nullable=False)
