"""Easel beside a minimal bot, on a loopback Discord and a loopback provider: `python -m benchmarks --help`."""
