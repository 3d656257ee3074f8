"""Stop earlier versions, which cannot read today's outcomes, notes and requests

The tables do not change: storage/old_rows.py reads the rows that earlier versions wrote.
"""

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No change."""


def downgrade() -> None:
    """No change."""
