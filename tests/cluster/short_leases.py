"""`bot.py` whose processes take each other for dead after seconds, not after half a minute."""

import sys
from datetime import timedelta

import bot
import storage.job_store
import studio.studio
import studio.work.queue_engine

storage.job_store.LEASE_TIMEOUT = studio.work.queue_engine.HEARTBEAT_TIMEOUT = timedelta(seconds=4)
studio.studio.HEARTBEAT_SECONDS = 1.0
sys.exit(bot.main())
