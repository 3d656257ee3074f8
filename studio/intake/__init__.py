"""Intake: a request is checked, planned, acknowledged, and its files are stored, before it is queued."""
