"""`bot.py` with short time limits, for faults that would otherwise last minutes."""

import sys
from functools import partial

import bot
import storage.database

SECONDS = 2.0

bot.Transport = partial(bot.Transport, seconds=SECONDS)  # type: ignore[misc]
storage.database.UNREACHABLE_RETRY_SECONDS = SECONDS
sys.exit(bot.main())
