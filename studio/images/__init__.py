"""Pictures: told by their content, decoded in a process with limits, marked as made by AI, untouched if they fit."""

from studio.images.base import TooLarge
from studio.images.pictures import Received, fit, inspect_picture, marked, receive
from studio.images.uploads import MAX_UPLOAD, check_announced, read_mask, read_upload
from studio.images.workshop import WORKSHOP, Lane

__all__ = [
    "MAX_UPLOAD",
    "WORKSHOP",
    "Lane",
    "Received",
    "TooLarge",
    "check_announced",
    "fit",
    "inspect_picture",
    "marked",
    "read_mask",
    "read_upload",
    "receive",
]
