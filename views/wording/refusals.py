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
from views.wording.text import OR, escape, join_all, join_names, join_sentences, say, say_count

TITLES_CHARACTERS = 800
"""Of a list of models' or options' names."""
OPTION_NAMES = {"negative_prompt": "negative prompt", "transparent": "transparent background", **COMMAND_NAMES}
SOURCE_NAMES = {
    Source.WORDS: "a prompt alone",
    Source.IMAGE: "a prompt with an image",
    Source.MASK: "a prompt with an image and a mask",
}
WILL_NOT_DO = "That {option} will not do."
WHAT_WORKS = "What works: {takes}."
MODEL_TAKES = "For `{option}`, {model} takes {takes}."
SERVER_TAKES = "For `{option}`, this server takes {takes}."
NOT_OFFERED = "It is not offered, or not any more."
PROMPT_WORKS = "words that say what to draw"
SIZE_WORKS = "a size like 1024x768, or one from the list"
WITH_IMAGE = "a {option} together with an image"
WITH_IMAGE_OF_ITS_SHAPE = "a {option} together with an image of its shape"
OPTION_NOT_TAKEN = "{model} takes no {option}. Leave `{typed}` out, or choose another model."
ONLY_ENLARGES = "{model} only makes pictures larger. Choose another model."
DRAWS_FROM = "{model} draws from {sources} only. Choose another model, or see in `/providers` who takes what."
FROM_ONE_IMAGE = "This model draws from one image at most. Send fewer, or choose another model."
FROM_IMAGES = "This model draws from {count} images at most. Send fewer, or choose another model."
FILE_TYPE = "Its type is {file_type}."
FILE_LENGTH = "The file has {length}."
AT_MOST = "at most {limit}"
MEBIBYTES = "{count} MiB"
SIDES = "sides of 1 to {longest} pixels"
PIXELS = "It has {size} pixels."
TOO_MANY_PIXELS = "{size} pixels are more than {megapixels} megapixels."
SCANS = "The JPEG has {scans} scans: at most {limit} are taken."
PROPORTIONS = "The mask is {mask}, but the image is {image}: they need the same proportions."
UPLOAD_GONE = "The image of that request is no longer kept. Send it again with `/imagine image:`."
SUSPENDED = (
    "{provider} has refused words of yours, and after more of them it might refuse everybody. "
    "For {minutes} minutes, choose another provider."
)
IMAGE_FILES = "a PNG, JPEG or WebP file of at most {mebibytes} MiB and {megapixels} megapixels, not animated"
IMAGE_LIMITS = {"mebibytes": MAX_UPLOAD >> 20, "megapixels": f"{MAX_PIXELS / 1e6:.1f}"}
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
    return _not_possible("prompt", say(PROMPT_WORKS))


@refusal_sentence.register
def _(error: NeedsImage) -> str:
    takes = WITH_IMAGE_OF_ITS_SHAPE if error.option == "mask" else WITH_IMAGE
    return _not_possible(error.option, say(takes, option=error.option))


@refusal_sentence.register
def _(error: OptionNotTaken) -> str:
    typed = COMMAND_NAMES.get(error.option, error.option)
    return say(OPTION_NOT_TAKEN, model=_model_title(error.model), option=option_name(error.option), typed=typed)


@refusal_sentence.register
def _(error: OutOfRange) -> str:
    return _model_takes(error.option, error.model, format_span(error.takes))


@refusal_sentence.register
def _(error: NotOffered) -> str:
    names = escape(join_names(error.offered), TITLES_CHARACTERS)
    if error.model:
        return _model_takes(error.option, error.model, names)
    return _not_possible(error.option, names, say(NOT_OFFERED))


@refusal_sentence.register
def _(_error: UnknownSize) -> str:
    return _not_possible("size", say(SIZE_WORKS))


@refusal_sentence.register
def _(error: SizeNotTaken) -> str:
    return _model_takes("size", error.model, format_sizes(error.sizes, error.size_range))


@refusal_sentence.register
def _(error: CannotDrawFrom) -> str:
    if not error.sources:
        return say(ONLY_ENLARGES, model=_model_title(error.model))
    sources = join_all([say(SOURCE_NAMES[each]) for each in error.sources], OR)
    return say(DRAWS_FROM, model=_model_title(error.model), sources=sources)


@refusal_sentence.register
def _(error: TooManyImages) -> str:
    return say_count(FROM_ONE_IMAGE, FROM_IMAGES, error.limit)


@refusal_sentence.register
def _(error: BadUpload) -> str:
    why, takes = DEFECT_SENTENCES[error.defect]
    return _not_possible(error.option, say(takes, **IMAGE_LIMITS), say(why))


@refusal_sentence.register
def _(error: WrongFileType) -> str:
    return _not_possible(error.option, _image_files(), say(FILE_TYPE, file_type=escape(error.file_type)))


@refusal_sentence.register
def _(error: FileTooLarge) -> str:
    takes = say(AT_MOST, limit=_mebibytes(error.limit))
    return _not_possible(error.option, takes, say(FILE_LENGTH, length=_mebibytes(error.length)))


@refusal_sentence.register
def _(error: ImageTooLarge) -> str:
    if error.longest_side:
        takes = say(SIDES, longest=error.longest_side)
        return _not_possible(error.option, takes, say(PIXELS, size=error.size))
    megapixels = f"{(error.most_pixels or MAX_PIXELS) / 1e6:.1f}"
    why = say(TOO_MANY_PIXELS, size=error.size, megapixels=megapixels)
    return _not_possible(error.option, _image_files(), why)


@refusal_sentence.register
def _(error: TooManyScans) -> str:
    why = say(SCANS, scans=error.scans, limit=error.limit)
    return _not_possible(error.option, _image_files(), why)


@refusal_sentence.register
def _(error: OtherProportions) -> str:
    return _not_possible("mask", say(MASK_FILES), say(PROPORTIONS, mask=error.mask, image=error.image))


@refusal_sentence.register
def _(_error: UploadGone) -> str:
    return say(UPLOAD_GONE)


@refusal_sentence.register
def _(error: Suspended) -> str:
    return say(SUSPENDED, provider=error.provider, minutes=f"{error.seconds / 60:.0f}")


@refusal_sentence.register
def _(error: QueueFull) -> str:
    return say(QUEUE_FULL_SENTENCES[error.whose], limit=error.limit)


@refusal_sentence.register
def _(error: NoRoom) -> str:
    return say(NO_ROOM_SENTENCES[error.room])


def _not_possible(option: str, takes: str, why: str = "") -> str:
    """What is wrong with the option; why, where it is known; and what the option takes."""
    return join_sentences(say(WILL_NOT_DO, option=option_name(option)), why, say(WHAT_WORKS, takes=takes))


def _model_takes(option: str, model: str | None, takes: str) -> str:
    if model is None:
        return say(SERVER_TAKES, option=option_name(option), takes=takes)
    return say(MODEL_TAKES, option=option_name(option), model=_model_title(model), takes=takes)


def _image_files() -> str:
    return say(IMAGE_FILES, **IMAGE_LIMITS)


def _model_title(model: str) -> str:
    return f"**{escape(model)}**"


def _mebibytes(length: int) -> str:
    """Rounded up to a tenth of a MiB, so that a file just over the limit does not seem to be within it."""
    return say(MEBIBYTES, count=f"{ceil(length / 2**20 * 10) / 10:g}")
