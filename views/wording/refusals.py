"""Why Easel refuses a request, and what works instead: one function for each type of domain/refusals.py."""

from collections.abc import Mapping
from functools import singledispatch
from math import ceil

from domain import (
    BadUpload,
    CannotDrawFrom,
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
from domain.requests import COMMAND_NAMES
from studio.images.upload_rules import MAX_PIXELS
from studio.images.uploads import MAX_UPLOAD
from views.wording.sizes import format_sizes, format_span
from views.wording.text import escape, join_names, say

TITLES_CHARACTERS = 800
"""Of a list of models' or options' names."""
OPTION_NAMES = {"negative_prompt": "negative prompt", "transparent": "transparent background", **COMMAND_NAMES}
SOURCE_NAMES = {
    Source.WORDS: "a prompt alone",
    Source.IMAGE: "a prompt with an image",
    Source.MASK: "a prompt with an image and a mask",
}
NOT_POSSIBLE = "That {option} will not do.{why} What works: {takes}."
IMAGE_FILES = (
    f"a PNG, JPEG or WebP file of at most {MAX_UPLOAD >> 20} MiB and {MAX_PIXELS / 1e6:.1f} megapixels, not animated"
)
MASK_FILES = "a PNG, JPEG or WebP file in the image's proportions, with white or transparency where to repaint"
SAVE_ANEW = "a plainer file, so save it anew as a PNG"
DEFECT_SENTENCES: Mapping[Defect, tuple[str, str]] = {
    Defect.OTHER_FORMAT: ("The file is neither a PNG nor a JPEG nor a WebP picture.", IMAGE_FILES),
    Defect.ANIMATED: ("It is animated.", IMAGE_FILES),
    Defect.CUT_OFF: ("It is cut off.", IMAGE_FILES),
    Defect.DAMAGED: ("It is damaged.", IMAGE_FILES),
    Defect.TOO_COMPLEX: ("It takes too much to decode.", IMAGE_FILES),
    Defect.TOO_SLOW: ("It takes too long to read.", SAVE_ANEW),
    Defect.UNREADABLE: ("It could not be read.", SAVE_ANEW),
    Defect.NOTHING_TO_REPAINT: (
        "The mask is black all over, so there is nothing to repaint: paint that area white.",
        MASK_FILES,
    ),
    Defect.NOT_HANDED_OVER: ("", "sending it again, for Discord did not hand it over"),
    Defect.NOT_AS_ANNOUNCED: ("", "sending it again, for Discord handed over something else"),
    Defect.NO_LINK: ("", "an image that is sent with the request itself"),
}
"""For each defect: what is wrong with the file, and what works instead."""
QUEUE_FULL_SENTENCES: Mapping[str, str] = {
    "member": "You have {limit} requests waiting, as many as one member may have. Wait until one is done.",
    "server": "This server has {limit} requests waiting, as many as it may have. Try again in a while.",
}
NO_ROOM_SENTENCES: Mapping[Room, str] = {
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
    """An option's name within a sentence."""
    return OPTION_NAMES.get(option, option)


@singledispatch
def refusal_sentence(error: EaselError) -> str:
    """The sentence for a request that Easel itself refuses."""
    raise NotImplementedError(type(error))


@refusal_sentence.register
def _(_error: NoPrompt) -> str:
    return _not_possible("prompt", "words that say what to draw")


@refusal_sentence.register
def _(error: NeedsImage) -> str:
    shape = " of its shape" if error.option == "mask" else ""
    takes = say("a {option} together with an image{shape}", option=error.option, shape=shape)
    return _not_possible(error.option, takes)


@refusal_sentence.register
def _(error: OptionNotTaken) -> str:
    sentence = "{model} takes no {option}. Leave `{typed}` out, or choose another model."
    typed = COMMAND_NAMES.get(error.option, error.option)
    return say(sentence, model=_model_title(error.model), option=option_name(error.option), typed=typed)


@refusal_sentence.register
def _(error: OutOfRange) -> str:
    return _model_takes(error.option, error.model, format_span(error.takes))


@refusal_sentence.register
def _(error: NotOffered) -> str:
    names = escape(join_names(error.offered), TITLES_CHARACTERS)
    if error.model:
        return _model_takes(error.option, error.model, names)
    return _not_possible(error.option, names, "It is not offered, or not any more.")


@refusal_sentence.register
def _(_error: UnknownSize) -> str:
    return _not_possible("size", "a size like 1024x768, or one from the list")


@refusal_sentence.register
def _(error: SizeNotTaken) -> str:
    return _model_takes("size", error.model, format_sizes(error.sizes, error.size_range))


@refusal_sentence.register
def _(error: CannotDrawFrom) -> str:
    if not error.sources:
        return say("{model} only makes pictures larger. Choose another model.", model=_model_title(error.model))
    sources = " or ".join(SOURCE_NAMES[each] for each in error.sources)
    sentence = "{model} draws from {sources} only. Choose another model, or see in `/providers` who takes what."
    return say(sentence, model=_model_title(error.model), sources=sources)


@refusal_sentence.register
def _(error: TooManyImages) -> str:
    images = "one image" if error.limit == 1 else say("{count} images", count=error.limit)
    return say("This model draws from {images} at most. Send fewer, or choose another model.", images=images)


@refusal_sentence.register
def _(error: BadUpload) -> str:
    why, takes = DEFECT_SENTENCES[error.defect]
    return _not_possible(error.option, takes, why)


@refusal_sentence.register
def _(error: WrongFileType) -> str:
    return _not_possible(error.option, IMAGE_FILES, say("Its type is {file_type}.", file_type=escape(error.file_type)))


@refusal_sentence.register
def _(error: FileTooLarge) -> str:
    takes = say("at most {limit}", limit=_mebibytes(error.limit))
    return _not_possible(error.option, takes, say("The file has {length}.", length=_mebibytes(error.length)))


@refusal_sentence.register
def _(error: ImageTooLarge) -> str:
    if error.longest_side:
        takes = say("sides of 1 to {longest} pixels", longest=error.longest_side)
        return _not_possible(error.option, takes, say("It has {size} pixels.", size=error.size))
    megapixels = f"{(error.most_pixels or MAX_PIXELS) / 1e6:.1f}"
    why = say("{size} pixels are more than {megapixels} megapixels.", size=error.size, megapixels=megapixels)
    return _not_possible(error.option, IMAGE_FILES, why)


@refusal_sentence.register
def _(error: TooManyScans) -> str:
    why = say("The JPEG has {scans} scans: at most {limit} are taken.", scans=error.scans, limit=error.limit)
    return _not_possible(error.option, IMAGE_FILES, why)


@refusal_sentence.register
def _(error: OtherProportions) -> str:
    sentence = "The mask is {mask}, but the image is {image}: they need the same proportions."
    return _not_possible("mask", MASK_FILES, say(sentence, mask=error.mask, image=error.image))


@refusal_sentence.register
def _(_error: UploadGone) -> str:
    return "The image of that request is no longer kept. Send it again with `/imagine image:`."


@refusal_sentence.register
def _(error: Suspended) -> str:
    sentence = (
        "{provider} has refused words of yours, and after more of them it might refuse everybody. "
        "For {minutes} minutes, choose another provider."
    )
    return say(sentence, provider=error.provider, minutes=f"{error.seconds / 60:.0f}")


@refusal_sentence.register
def _(error: QueueFull) -> str:
    return say(QUEUE_FULL_SENTENCES[error.whose], limit=error.limit)


@refusal_sentence.register
def _(error: NoRoom) -> str:
    return NO_ROOM_SENTENCES[error.room]


def _not_possible(option: str, takes: str, why: str = "") -> str:
    return say(NOT_POSSIBLE, option=option_name(option), takes=takes, why=f" {why}" if why else "")


def _model_takes(option: str, model: str | None, takes: str) -> str:
    who = _model_title(model) if model else "this server"
    return say("For `{option}`, {who} takes {takes}.", option=option_name(option), who=who, takes=takes)


def _model_title(model: str) -> str:
    return f"**{escape(model)}**"


def _mebibytes(length: int) -> str:
    """Rounded up to a tenth of a MiB, so that a file just over the limit does not seem to be within it."""
    return f"{ceil(length / 2**20 * 10) / 10:g} MiB"
