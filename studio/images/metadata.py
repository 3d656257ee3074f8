"""The metadata of a picture that is sent: its EXIF orientation, and an XMP packet that marks it as made by AI.

Exif 2.32, 4.6.4 A; TIFF 6.0. XMP is ISO 16684-1; the mark is IPTC Photo Metadata Standard, "Digital Source Type".
"""

import re
import struct
from collections.abc import Iterator, Mapping
from html import escape

from domain import Credit, Size

ORIENTATION_TAG = 0x0112
UPRIGHT = 1
EXIF_SHORT = 3
"""TIFF type of the entry: two bytes."""
MAX_EXIF_ENTRIES = 200
NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "easel": "https://easel.invalid/ns/1.0/",
}
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
CREDIT = "Contains drawings by {creator}, changed; {licence}, {url}"
CREATOR_TOOL = "<xmp:CreatorTool>Easel</xmp:CreatorTool>"
MAX_VALUE = 2_000
"""Characters of one fact."""
MAX_FACTS = 60_000
"""Bytes of all facts together, once escaped: the packet must fit into one JPEG segment."""
FORBIDDEN_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
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


def orientation(block: bytes | None) -> int:
    """The orientation, 1 (upright) to 8, in a block that starts with a TIFF header; 1 if it is damaged or missing."""
    try:
        found = next(
            (value for tag, kind, value in _exif_entries(block or b"") if (tag, kind) == (ORIENTATION_TAG, EXIF_SHORT)),
            1,
        )
    except struct.error:
        return UPRIGHT
    return found if 1 <= found <= 8 else UPRIGHT


def _exif_entries(block: bytes) -> Iterator[tuple[int, int, int]]:
    """Tag, type and first 16-bit value of each entry of the first directory."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return
    (at,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, at)
    for number in range(min(count, MAX_EXIF_ENTRIES)):
        yield struct.unpack_from(order + "HH4xH", block, at + 2 + 12 * number)


def orientation_block(block: bytes | None) -> bytes | None:
    """An EXIF block with only the orientation; None for an upright picture."""
    turn = orientation(block)
    if turn == UPRIGHT:
        return None
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, ORIENTATION_TAG, EXIF_SHORT, 1, turn, 0, 0)


def upright_size(size: Size, block: bytes | None) -> Size:
    """The size as viewers show it: orientations 5 to 8 swap width and height."""
    return Size(size.height, size.width) if orientation(block) >= 5 else size


def xmp_packet(*, ai: bool, facts: Mapping[str, str] | None, credit: Credit | None = None) -> bytes:
    """A packet with the AI mark and, unless None, credit and facts: "prompt" as description, others as `easel:`.

    Always well-formed and under 62,000 bytes: values are capped at 2,000 characters, and the last facts are dropped
    if all of them exceed MAX_FACTS.
    """
    source = SOURCE_TYPES + ("trainedAlgorithmicMedia" if ai else "algorithmicMedia")
    properties = [
        f"<Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>",
        CREATOR_TOOL,
        *_rights(credit),
        *_fitting_properties(facts),
    ]
    namespaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return PACKET_TEMPLATE.format(namespaces=namespaces, properties="\n".join(properties)).encode()


def _rights(credit: Credit | None) -> Iterator[str]:
    if credit is None:
        return
    yield f"<dc:rights>{_alternatives(CREDIT.format(**credit.model_dump()))}</dc:rights>"
    yield f"<xmpRights:UsageTerms>{_alternatives(credit.licence)}</xmpRights:UsageTerms>"
    yield f"<xmpRights:WebStatement>{_xml_text(credit.url)}</xmpRights:WebStatement>"


def _alternatives(value: str) -> str:
    """A text in the language that stands for all."""
    return f'<rdf:Alt><rdf:li xml:lang="x-default">{_xml_text(value)}</rdf:li></rdf:Alt>'


def is_our_xmp(xmp: bytes) -> bool:
    return CREATOR_TOOL.encode() in xmp


def _fitting_properties(facts: Mapping[str, str] | None) -> Iterator[str]:
    room = MAX_FACTS
    for line in _properties(facts or {}):
        room -= len(line.encode()) + 1
        if room < 0:
            return
        yield line


def _properties(facts: Mapping[str, str]) -> Iterator[str]:
    if "prompt" in facts:
        yield f"<dc:description>{_alternatives(facts['prompt'])}</dc:description>"
    # Two facts whose names come out the same would be the same property twice, which RDF in XMP forbids.
    named = {_xml_name(key): value for key, value in facts.items() if key != "prompt"}
    for name, value in named.items():
        yield f"<easel:{name}>{_xml_text(value)}</easel:{name}>"


def _xml_name(key: str) -> str:
    """An XML name: ASCII letters, digits and underscores, not beginning with a digit."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", key)[:64]
    return name if name[:1].isalpha() else f"_{name}"


def _xml_text(value: str) -> str:
    # A bare carriage return would be read back as a line feed (XML 1.0, 2.11).
    return escape(FORBIDDEN_IN_XML.sub("", value)[:MAX_VALUE]).replace("\r", "&#13;")
