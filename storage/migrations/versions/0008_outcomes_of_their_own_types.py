"""Failures have fields of their own, notes are no sentences, and a request has several images: nothing to change

Rows of before are read by storage/earlier.py. Versions of before could not read today's, and are stopped by this one.
"""

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing."""


def downgrade() -> None:
    """Nothing."""
