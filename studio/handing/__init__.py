"""Handing over: what is shown, and where it is not taken."""
