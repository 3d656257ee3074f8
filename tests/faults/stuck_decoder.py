"""`bot.py` whose inspection of a picture never ends; each one writes a file beside the database when it begins."""

import os
import sys
from pathlib import Path

import bot
from studio.images import decoder_pool, pictures

NEVER = "import os, sys; sys.stdin.buffer.read(1); open(f'{sys.argv[1]}.{os.getpid()}', 'x'); sys.stdin.buffer.read()"

decoder_pool.COMMAND = (sys.executable, "-c", NEVER, str(Path(os.environ["DATA_DIR"], "looking")))  # type: ignore[misc]
pictures.MAX_UNPACKED = 0  # every picture is inspected in a process
sys.exit(bot.main())
