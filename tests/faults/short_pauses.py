"""`bot.py` with short pauses between its attempts to log in and to register its commands."""

import sys

import bot
import startup
import syncing

startup.LOGIN_BACKOFF = (0.01,) * 5
syncing.SYNC_BACKOFF = (0.01,) * 3
sys.exit(bot.main())
