"""The XMP packet that marks AI pictures (ISO 16684-1; IPTC Photo Metadata Standard, "Digital Source Type")."""

import re
from collections.abc import Iterator, Mapping
from html import escape

NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "easel": "https://easel.invalid/ns/1.0/",
}
SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TOOL = "<xmp:CreatorTool>Easel</xmp:CreatorTool>"
MAX_VALUE = 2_000
"""Characters of one fact."""
MAX_FACTS = 60_000
"""Bytes of all facts together, once escaped: the packet must fit into one JPEG segment."""
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML forbids, even escaped (XML 1.0, production 2)."""
PACKET_TEMPLATE = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" {namespaces}>
{properties}
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def packet(*, ai: bool, facts: Mapping[str, str] | None) -> bytes:
    """A packet with the AI mark and, unless None, the facts: "prompt" as description, the others as `easel:`.

    Always well-formed and under 62,000 bytes: values are capped at 2,000 characters, and the last facts are dropped
    if all of them exceed MAX_FACTS.
    """
    source = SOURCES + ("trainedAlgorithmicMedia" if ai else "algorithmicMedia")
    properties = [f"<Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>", TOOL, *_fitting(facts)]
    namespaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return PACKET_TEMPLATE.format(namespaces=namespaces, properties="\n".join(properties)).encode()


def is_ours(xmp: bytes) -> bool:
    return TOOL.encode() in xmp


def _fitting(facts: Mapping[str, str] | None) -> Iterator[str]:
    room = MAX_FACTS
    for line in _properties(facts or {}):
        room -= len(line.encode()) + 1
        if room < 0:
            return
        yield line


def _properties(facts: Mapping[str, str]) -> Iterator[str]:
    if "prompt" in facts:
        yield (
            f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{_text(facts["prompt"])}</rdf:li></rdf:Alt>'
            "</dc:description>"
        )
    # Two facts whose names come out the same would be the same property twice, which RDF in XMP forbids.
    named = {_name(key): value for key, value in facts.items() if key != "prompt"}
    for name, value in named.items():
        yield f"<easel:{name}>{_text(value)}</easel:{name}>"


def _name(key: str) -> str:
    """An XML name: ASCII letters, digits and underscores, not beginning with a digit."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", key)[:64]
    return name if name[:1].isalpha() else f"_{name}"


def _text(value: str) -> str:
    # A bare carriage return would be read back as a line feed (XML 1.0, 2.11).
    return escape(FORBIDDEN.sub("", value)[:MAX_VALUE]).replace("\r", "&#13;")
