"""Store a price as JSON; storage/old_rows.py reads the text that earlier versions wrote"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("UPDATE jobs SET cost = json_quote(cost) WHERE cost IS NOT NULL")
    with op.batch_alter_table("jobs") as jobs:
        json = sa.JSON(none_as_null=True)
        jobs.alter_column("cost", existing_type=sa.Text(), type_=json, postgresql_using="to_json(cost)")


def downgrade() -> None:
    """A price of today's type becomes the text of its JSON."""
    with op.batch_alter_table("jobs") as jobs:
        json = sa.JSON(none_as_null=True)
        jobs.alter_column("cost", existing_type=json, type_=sa.Text(), postgresql_using="cost #>> '{}'")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("UPDATE jobs SET cost = json_extract(cost, '$') WHERE cost IS NOT NULL")
