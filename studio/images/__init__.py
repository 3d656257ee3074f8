"""Pictures: told by their content, capped before decoding, marked as made by AI, and sent untouched where they fit."""

from studio.images.pictures import extension, fit, inspect_picture, mark
from studio.images.uploads import MAX_UPLOAD, check_announced, read_mask, read_upload

__all__ = [
    "MAX_UPLOAD",
    "check_announced",
    "extension",
    "fit",
    "inspect_picture",
    "mark",
    "read_mask",
    "read_upload",
]
