"""Drop the member's language, which nothing reads"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("jobs", "locale")


def downgrade() -> None:
    op.add_column("jobs", sa.Column("locale", sa.String(16), nullable=False, server_default=""))
