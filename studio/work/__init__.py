"""The work: what is queued, leased, drawn, and handed on to others."""
