"""Parts of pages that a command writes."""


def marks(name: str) -> tuple[str, str]:
    """What stands before and behind the part that `make <name>` writes."""
    return f"<!-- {name}: make {name} -->", f"<!-- end of {name} -->"


def replace_part(page: str, name: str, text: str) -> str:
    """The page with this text between its marks."""
    begin, end = marks(name)
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"
