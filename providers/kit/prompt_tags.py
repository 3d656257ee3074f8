"""Taking out of a member's text what a server would read as orders of its own."""

import re

EXTRA_ARGS = "sd_cpp_extra_args"
"""stable-diffusion.cpp reads settings of its own between such tags in a prompt (its server's api.md)."""


def without_tag(text: str, name: str) -> str:
    """The text without such tags and what stands between a pair of them; nothing that is left adds up to a new one.

    A text that holds none stays as it is, white space included.
    """
    tag = re.escape(name)
    pair = re.compile(rf"<{tag}>.*?</{tag}>", re.DOTALL | re.IGNORECASE)
    single = re.compile(rf"</?{tag}>", re.IGNORECASE)
    while (shorter := pair.sub("", text)) != text or (shorter := single.sub("", text)) != text:
        text = shorter
    return text
