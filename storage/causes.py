"""Says in plain words why the database or the bucket cannot be used: half a sentence for the host.

Never the library's own words, except SQLite's, as they may hold a password.
"""

import errno
import re
import socket
import sqlite3
import ssl
from collections.abc import Mapping

import asyncpg

TLS_REFUSED = "rejected SSL upgrade"
"""In asyncpg's error where the server has no TLS."""
NO_ROOT = "root certificate"
"""In asyncpg's error where a certificate is to be verified, and there is none to verify it with."""
CAUSE_BY_TYPE: Mapping[type[BaseException], str] = {
    asyncpg.InvalidAuthorizationSpecificationError: "PostgreSQL refused the login: user, password or database",
    asyncpg.InvalidCatalogNameError: "PostgreSQL has no such database; CREATE DATABASE makes one",
    asyncpg.InsufficientPrivilegeError: (
        "PostgreSQL does not let this user make tables; CREATE DATABASE easel OWNER easel gives the right"
    ),
    asyncpg.ReadOnlySQLTransactionError: "this PostgreSQL only reads, as a replica does",
    asyncpg.TooManyConnectionsError: "PostgreSQL has no connection left; max_connections says how many it takes",
    asyncpg.CannotConnectNowError: "PostgreSQL is starting or stopping",
    asyncpg.DiskFullError: "PostgreSQL's disk is full",
    asyncpg.ClientConfigurationError: "the URL has a part that cannot be read, maybe behind its question mark",
    asyncpg.UndefinedObjectError: "PostgreSQL does not know a parameter behind the URL's question mark",
    ssl.SSLCertVerificationError: "PostgreSQL's TLS certificate is not trusted; sslrootcert in the URL names one",
    ssl.SSLError: "the TLS connection to PostgreSQL failed",
    socket.gaierror: "the name of PostgreSQL's host is not found (DNS)",
    FileNotFoundError: "a file that the URL names is not there: its sslrootcert, or PostgreSQL's socket",
    ConnectionRefusedError: "nothing listens at that host and port (connection refused)",
    TimeoutError: "PostgreSQL does not answer in time; its host, or a firewall on the way",
    ValueError: "the URL has a part that cannot be read",
}
"""By type of the driver's error; the first that fits."""
CAUSE_BY_SQLITE_WORDS: Mapping[str, str] = {
    "unable to open": "unable to open the file, as where its folder is missing or another user's",
    "locked": "the file is locked by another process",
    "readonly": "the file may only be read",
    "full": "the disk is full",
}
"""By words of SQLite's message."""
WRONG_REGION = "AWS_REGION is not the bucket's"
CAUSE_BY_S3_CODE: Mapping[str, str] = {
    "NoSuchBucket": "there is no such bucket",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY is not accepted",
    "InvalidAccessKeyId": "AWS_ACCESS_KEY_ID is not known",
    "InvalidToken": "AWS_SESSION_TOKEN is not accepted",
    "ExpiredToken": "AWS_SESSION_TOKEN has expired",
    "AccessDenied": "that account may not write and delete there",
    "AuthorizationHeaderMalformed": WRONG_REGION,
    "PermanentRedirect": WRONG_REGION,
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "SlowDown": "it asks to come again later",
}
S3_CODE = re.compile(r"<Code>(\w+)</Code>")


def driver_error(error: BaseException) -> BaseException:
    """The driver's own error, which SQLAlchemy wraps."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def is_permanent(cause: BaseException) -> bool:
    """Whether a driver's error looks like a failed connection, but stays until a setting is changed."""
    wrong = (asyncpg.ClientConfigurationError, ssl.SSLCertVerificationError)
    return isinstance(cause, wrong) or TLS_REFUSED in str(cause)


def database_cause(error: BaseException) -> str:
    cause = driver_error(error)
    if isinstance(cause, sqlite3.Error):
        told = str(cause)
        return next((words for part, words in CAUSE_BY_SQLITE_WORDS.items() if part in told), told)
    if TLS_REFUSED in str(cause):
        return "PostgreSQL has no TLS, which sslmode in the URL asks for"
    if isinstance(cause, asyncpg.ClientConfigurationError) and NO_ROOT in str(cause):
        return "sslmode in the URL asks for a certificate that sslrootcert has to name there"
    found = next((words for kind, words in CAUSE_BY_TYPE.items() if isinstance(cause, kind)), None)
    return found or _os_cause(cause) or type(cause).__name__


def _os_cause(cause: BaseException) -> str | None:
    """For an OSError, also asyncio's of several addresses, which has no number."""
    if not isinstance(cause, OSError):
        return None
    if cause.errno == errno.ECONNREFUSED or f"Errno {errno.ECONNREFUSED}" in str(cause):
        return CAUSE_BY_TYPE[ConnectionRefusedError]
    return cause.strerror


def bucket_cause(error: BaseException) -> str:
    """Of obstore's error, whose text holds S3's answer and a dump of the request."""
    told = str(error)
    code = S3_CODE.search(told)
    if code and code[1] in CAUSE_BY_S3_CODE:
        return CAUSE_BY_S3_CODE[code[1]]
    if "configured region" in told:
        return WRONG_REGION
    if "169.254.169.254" in told:
        return "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"
    if "error sending request" in told:
        return f"it does not answer, or not as it should{'' if 'amazonaws.com' in told else '; see AWS_ENDPOINT_URL'}"
    return type(error).__name__
