"""Removes tags from prompts that a server would read as its own options."""

import re

EXTRA_ARGS = "sd_cpp_extra_args"
"""Tag in a prompt in which stable-diffusion.cpp reads native options (its server's api.md)."""


def without_tag(text: str, name: str) -> str:
    """Remove a tag and its contents, repeatedly, so that what is left cannot form a new tag.

    A text without the tag is unchanged, white space included.
    """
    tag = re.escape(name)
    pair = re.compile(rf"<{tag}>.*?</{tag}>", re.DOTALL | re.IGNORECASE)
    single = re.compile(rf"</?{tag}>", re.IGNORECASE)
    while (shorter := pair.sub("", text)) != text or (shorter := single.sub("", text)) != text:
        text = shorter
    return text
