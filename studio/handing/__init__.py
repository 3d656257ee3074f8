"""Delivery of drawn pictures."""
