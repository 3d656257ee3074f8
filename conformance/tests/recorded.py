"""Where `make conformance` puts the recorded requests."""

from pathlib import Path

RECORDED = Path("build/conformance/requests.jsonl")
