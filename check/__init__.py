"""`--check`: tests everything that start-up needs, and prints a table."""

from collections.abc import Sequence

import providers
from check.keys import check_default, check_providers
from check.login import check_discord
from check.network import check_network
from check.rows import Row
from check.stores import check_storage
from config import Config, Remark
from logs import visible
from providers.http.redaction import Redactor
from providers.http.transport import Transport


async def check(config: Config, remarks: Sequence[Remark] = ()) -> int:
    """Test what the settings name, without paying or changing anything; returns the number of failed rows.

    remarks: what to tell about where the settings come from.
    """
    rows = await check_discord(config)
    rows += await check_network(config)
    rows += await check_storage(config)
    async with Transport(network=config.network) as transport:
        enabled, disabled = providers.build(config.providers, transport)
        rows += await check_providers(enabled)
        rows += [Row(each.name, "fails" if each.is_misconfigured else "off", each.reason) for each in disabled]
        rows.append(check_default(config, enabled))
    rows += [Row(*remark) for remark in remarks]
    redactor = Redactor(config.secrets())
    for row in rows:
        print(visible(redactor.strike(str(row))))  # noqa: T201 - the table is the output of --check
    return sum(row.state == "fails" for row in rows)
