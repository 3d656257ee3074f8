"""`bot.py` with leases that expire after seconds instead of half a minute."""

import sys
from datetime import timedelta

import bot
import storage.job_store
import studio.studio
import studio.work.queue_engine

storage.job_store.LEASE_TIMEOUT = studio.work.queue_engine.HEARTBEAT_TIMEOUT = timedelta(seconds=4)
studio.studio.HEARTBEAT_SECONDS = 1.0
sys.exit(bot.main())
