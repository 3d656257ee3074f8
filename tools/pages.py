"""Replaces the generated part of a page, which is marked by comments."""


def marks(name: str) -> tuple[str, str]:
    """The comments before and after the part that `make <name>` writes."""
    return f"<!-- {name}: make {name} -->", f"<!-- end of {name} -->"


def replace_part(page: str, name: str, text: str) -> str:
    """The page with `text` between the marks of `name`."""
    begin, end = marks(name)
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"
