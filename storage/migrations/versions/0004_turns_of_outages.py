"""Number the failures of an outage, and mark a probe under way"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outages", sa.Column("turn", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outages", sa.Column("trying", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("outages") as outages:
        for name in ("trying", "turn"):
            outages.drop_column(name)
