"""Exits with 0 if the bot in the same container answers /healthz at METRICS_PORT with 200, else with 1."""

import os
import sys
from http.client import HTTPConnection

SECONDS = 4

if __name__ == "__main__":
    connection = HTTPConnection("127.0.0.1", int(os.environ["METRICS_PORT"].rpartition(":")[2]), timeout=SECONDS)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    sys.stdout.write(f"{answer.status} {answer.read().decode()}\n")
    sys.exit(answer.status != 200)
