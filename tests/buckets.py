# pyright: basic
"""An S3 on loopback, with one bucket."""

from collections.abc import Generator
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_REGION": "us-east-1"}


@contextmanager
def s3_server() -> Generator[str]:
    """Its URL; the bucket is `easel`."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    names = {name.lower(): value for name, value in KEYS.items() if name != "AWS_REGION"}
    boto3.client("s3", endpoint_url=url, region_name=KEYS["AWS_REGION"], **names).create_bucket(Bucket="easel")
    yield url  # its thread ends with the process: stopping it takes ten seconds
