"""What Easel itself does not do, and what works instead: one function for each type of domain/refusals.py."""

from collections.abc import Mapping
from functools import singledispatch
from math import ceil

from domain import (
    BadUpload,
    CannotDrawFrom,
    CannotUpscale,
    Defect,
    EaselError,
    FileTooLarge,
    ImageTooLarge,
    NeedsImage,
    NoPrompt,
    NoRoom,
    NotOffered,
    OptionNotTaken,
    OtherProportions,
    OutOfRange,
    QueueFull,
    Room,
    SizeNotTaken,
    Source,
    Suspended,
    TooManyImages,
    TooManyScans,
    UnknownSize,
    UploadGone,
    WrongFileType,
)
from studio.images.upload_rules import MAX_PIXELS
from studio.images.uploads import MAX_UPLOAD
from views.wording.sizes import sizes_words, span_words
from views.wording.text import listed, plain, say

TITLES = 800
"""Characters of a list of names from outside."""
TYPED = {"guidance_scale": "guidance"}
"""Our fields that are typed under another name in `/imagine`."""
NAMES = {"negative_prompt": "negative prompt", "transparent": "transparent background", **TYPED}
SOURCES = {
    Source.WORDS: "a prompt alone",
    Source.IMAGE: "a prompt with an image",
    Source.MASK: "a prompt with an image and a mask",
}
INSTEAD = "That {option} will not do.{why} What works: {takes}."
IMAGE_FILES = (
    f"a PNG, JPEG or WebP file of at most {MAX_UPLOAD >> 20} MiB and {MAX_PIXELS / 1e6:.1f} megapixels, not animated"
)
MASK_FILES = "a PNG, JPEG or WebP file in the image's proportions, with white or transparency where to repaint"
PLAINER = "a plainer file, so save it anew as a PNG"
DEFECTS: Mapping[Defect, tuple[str, str]] = {
    Defect.OTHER_FORMAT: ("The file is neither a PNG nor a JPEG nor a WebP picture.", IMAGE_FILES),
    Defect.ANIMATED: ("It is animated.", IMAGE_FILES),
    Defect.CUT_OFF: ("It is cut off.", IMAGE_FILES),
    Defect.DAMAGED: ("It is damaged.", IMAGE_FILES),
    Defect.TOO_COMPLEX: ("It takes too much to decode.", IMAGE_FILES),
    Defect.TOO_SLOW: ("It takes too long to read.", PLAINER),
    Defect.UNREADABLE: ("It could not be read.", PLAINER),
    Defect.NOTHING_TO_REPAINT: (
        "The mask is black all over, so there is nothing to repaint: paint that area white.",
        MASK_FILES,
    ),
    Defect.NOT_HANDED_OVER: ("", "sending it again, for Discord did not hand it over"),
    Defect.NOT_AS_ANNOUNCED: ("", "sending it again, for Discord handed over something else"),
    Defect.NO_LINK: ("", "an image that is sent with the request itself"),
}
"""What is wrong with a file, and what works."""
FULL: Mapping[str, str] = {
    "member": "You have {limit} requests waiting, as many as one member may have. Wait until one is done.",
    "server": "This server has {limit} requests waiting, as many as it may have. Try again in a while.",
}
ROOMS: Mapping[Room, str] = {
    Room.TURNS: (
        "So many images are coming in that yours did not get its turn. Nothing was ordered; "
        "send it again in a few minutes."
    ),
    Room.MEMBERS_SHARE: (
        "Your images that wait to be drawn take all the room that one member may have. "
        "Send this one again when one of them is done."
    ),
    Room.QUOTA: (
        "The images that wait to be drawn take all the room that there is. Nothing was ordered; "
        "send yours again in a while."
    ),
    Room.DISK: (
        "The bot's disk is full or out of order, so a picture could not be kept. Nothing was ordered; only the "
        "bot's host can mend that."
    ),
}


def option_name(option: str) -> str:
    """An option as a word in a sentence."""
    return NAMES.get(option, option)


@singledispatch
def why_not(error: EaselError) -> str:
    """The sentence for a request that Easel itself refuses."""
    raise NotImplementedError(type(error))


@why_not.register
def _(_error: NoPrompt) -> str:
    return _instead("prompt", "words that say what to draw")


@why_not.register
def _(error: NeedsImage) -> str:
    shape = " of its shape" if error.option == "mask" else ""
    return _instead(error.option, f"a {error.option} together with an image{shape}")


@why_not.register
def _(error: OptionNotTaken) -> str:
    sentence = "{model} takes no {option}. Leave `{typed}` out, or choose another model."
    typed = TYPED.get(error.option, error.option)
    return say(sentence, model=_title(error.model), option=option_name(error.option), typed=typed)


@why_not.register
def _(error: OutOfRange) -> str:
    return _takes(error.option, error.model, span_words(error.takes))


@why_not.register
def _(error: NotOffered) -> str:
    names = plain(listed(error.offered), TITLES)
    if error.model:
        return _takes(error.option, error.model, names)
    return _instead(error.option, names, "It is not offered, or not any more.")


@why_not.register
def _(_error: UnknownSize) -> str:
    return _instead("size", "a size like 1024x768, or one from the list")


@why_not.register
def _(error: SizeNotTaken) -> str:
    return _takes("size", error.model, sizes_words(error.sizes, error.size_range))


@why_not.register
def _(error: CannotDrawFrom) -> str:
    sources = " or ".join(SOURCES[each] for each in error.sources)
    sentence = "{model} draws from {sources} only. Choose another model, or see in `/providers` who takes what."
    return say(sentence, model=_title(error.model), sources=sources)


@why_not.register
def _(error: TooManyImages) -> str:
    images = "one image" if error.limit == 1 else f"{error.limit} images"
    return say("This model draws from {images} at most. Send fewer, or choose another model.", images=images)


@why_not.register
def _(error: CannotUpscale) -> str:
    return why_not(OptionNotTaken(option="upscale", model=error.model))


@why_not.register
def _(error: BadUpload) -> str:
    why, takes = DEFECTS[error.defect]
    return _instead(error.option, takes, why)


@why_not.register
def _(error: WrongFileType) -> str:
    return _instead(error.option, IMAGE_FILES, f"Its type is {plain(error.file_type)}.")


@why_not.register
def _(error: FileTooLarge) -> str:
    return _instead(error.option, f"at most {_mebibytes(error.limit)}", f"The file has {_mebibytes(error.length)}.")


@why_not.register
def _(error: ImageTooLarge) -> str:
    if error.longest_side:
        return _instead(error.option, f"sides of 1 to {error.longest_side} pixels", f"It has {error.size} pixels.")
    most = f"{(error.most_pixels or MAX_PIXELS) / 1e6:.1f} megapixels"
    return _instead(error.option, IMAGE_FILES, f"{error.size} pixels are more than {most}.")


@why_not.register
def _(error: TooManyScans) -> str:
    why = f"The JPEG has {error.scans} scans: at most {error.limit} are taken."
    return _instead(error.option, IMAGE_FILES, why)


@why_not.register
def _(error: OtherProportions) -> str:
    why = f"The mask is {error.mask}, but the image is {error.image}: they need the same proportions."
    return _instead("mask", MASK_FILES, why)


@why_not.register
def _(_error: UploadGone) -> str:
    return "The image of that request is no longer kept. Send it again with `/imagine image:`."


@why_not.register
def _(error: Suspended) -> str:
    sentence = (
        "{provider} has refused words of yours, and after more of them it might refuse everybody. "
        "For {minutes} minutes, choose another provider."
    )
    return say(sentence, provider=error.provider, minutes=f"{error.seconds / 60:.0f}")


@why_not.register
def _(error: QueueFull) -> str:
    return say(FULL[error.whose], limit=error.limit)


@why_not.register
def _(error: NoRoom) -> str:
    return ROOMS[error.room]


def _instead(option: str, takes: str, why: str = "") -> str:
    return say(INSTEAD, option=option_name(option), takes=takes, why=f" {why}" if why else "")


def _takes(option: str, model: str, takes: str) -> str:
    return say("For `{option}`, {model} takes {takes}.", option=option_name(option), model=_title(model), takes=takes)


def _title(model: str) -> str:
    return f"**{plain(model)}**"


def _mebibytes(length: int) -> str:
    """Rounded up to a tenth, so that what is too much does not look as if it were not."""
    return f"{ceil(length / 2**20 * 10) / 10:g} MiB"
