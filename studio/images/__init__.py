"""Pictures: recognised by content, decoded in a separate process, marked as AI-made, re-encoded only if needed."""

from studio.images.base import TooLarge
from studio.images.decoder_pool import DECODERS, Lane
from studio.images.pictures import Received, fit, inspect_picture, marked, receive
from studio.images.uploads import MAX_UPLOAD, check_announced, read_mask, read_upload

__all__ = [
    "DECODERS",
    "MAX_UPLOAD",
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
