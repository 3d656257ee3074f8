# pyright: basic
"""The table of fal's apps is what fal's own types say."""

import json

from conformance.fal_apps import SCHEMA, TABLE, table, text


def test_the_table_is_what_the_types_say():
    assert TABLE.read_text() == text(table(json.loads(SCHEMA.read_text()))), "run python -m conformance.fal_apps"
