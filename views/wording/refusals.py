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
from views.wording.text import OR, code_span, escape, join_all, join_names, join_sentences, say, say_count

TITLES_CHARACTERS = 800
"""Of a list of models' or options' names."""
ASKED_CHARACTERS = 80
"""Of a name or a size that a member has typed."""
OPTION_NAMES = {"negative_prompt": "negative prompt", "transparent": "transparent background", **COMMAND_NAMES}
SOURCE_NAMES = {
    Source.WORDS: "a prompt alone",
    Source.IMAGE: "a prompt with an image",
    Source.MASK: "a prompt with an image and a mask",
}
NO_PROMPT = "The prompt is empty. Write in `prompt` what to draw."
MASK_NEEDS_IMAGE = "A mask needs `image` too, in the same shape."
NEEDS_IMAGE = "`{option}` needs `image` too."
MODEL_TAKES = "For `{option}`, {model} takes {takes}."
MODEL_TAKES_SEEDS = "For `seed`, {model} takes {takes}, or -1 for a random one."
SERVER_TAKES = "For `{option}`, this server takes {takes}."
NO_SUCH_NAME = "{asked} is no {option} here, or is not on offer any more. Try {names}."
MODEL_HAS_NO_SUCH_NAME = "{asked} is no {option} of {model}. Try {names}."
UNKNOWN_SIZE = "{asked} is no size: try wide, tall, square or 1024x768."
SIZE_NOT_TAKEN = "{model} does not draw at {size}, but at {takes}."
NO_UPSCALING = "{model} cannot make pictures larger. Choose another model."
OPTION_NOT_TAKEN = "{model} takes no {option}. Leave `{typed}` out, or choose another model."
ONLY_ENLARGES = "{model} only makes pictures larger. Choose another model to draw with."
DRAWS_FROM = "{model} draws from {sources} only. Choose another model: `/providers` tells what each takes."
FROM_ONE_IMAGE = "This model draws from one image at most. Send fewer, or choose another model."
FROM_IMAGES = "This model draws from {count} images at most. Send fewer, or choose another model."
FILE_TYPE = "The {option} is a file of the type {file_type}."
FILE_LENGTH = "The {option} has {length}; at most {limit} are taken."
MEBIBYTES = "{count} MiB"
SIDES = "The {option} has {size} pixels; each side may have 1 to {longest}."
TOO_MANY_PIXELS = "The {option} has {size} pixels, which are more than {megapixels} megapixels."
SCANS = "The {option} is a JPEG of {scans} scans; at most {limit} are taken."
PROPORTIONS = "The mask has {mask} pixels and the image {image}: they need the same shape."
UPLOAD_GONE = "The image of that request is no longer kept. Send it again with `/imagine image:`."
SUSPENDED = (
    "{provider} has refused words of yours, and after more of them it might refuse everybody. "
    "For {minutes} minutes, choose another provider."
)
SEND_IMAGE = "Send a still PNG, JPEG, WebP or HEIC of at most {mebibytes} MiB and {megapixels} megapixels."
IMAGE_LIMITS = {"mebibytes": MAX_UPLOAD >> 20, "megapixels": f"{MAX_PIXELS / 1e6:.0f}"}
SEND_MASK = "Make the mask from the image: white or transparent where to repaint, black elsewhere."
SAVE_AS_PNG = "Save it as a PNG, and send that."
DEFECT_SENTENCES: Mapping[Defect, tuple[str, str]] = {
    Defect.OTHER_FORMAT: ("The {option} is no PNG, JPEG, WebP or HEIC picture.", SEND_IMAGE),
    Defect.ANIMATED: ("The {option} is animated.", SEND_IMAGE),
    Defect.CUT_OFF: ("The {option} is cut off: the end of the file is missing.", SEND_IMAGE),
    Defect.DAMAGED: ("The {option} is damaged.", SEND_IMAGE),
    Defect.TOO_COMPLEX: ("The {option} takes too much memory to read.", SEND_IMAGE),
    Defect.TOO_SLOW: ("The {option} takes too long to read.", SAVE_AS_PNG),
    Defect.UNREADABLE: ("The {option} could not be read.", SAVE_AS_PNG),
    Defect.NOTHING_TO_REPAINT: ("The mask is black all over, so there is nothing to repaint.", SEND_MASK),
    Defect.NOT_HANDED_OVER: ("Discord did not hand over the {option}.", "Send it again."),
    Defect.NOT_AS_ANNOUNCED: ("Discord handed over another {option} than it had announced.", "Send it again."),
    Defect.NO_LINK: (
        "This model needs an image that is sent with the request.",
        "Send it again with `/imagine image:`.",
    ),
}
"""For each defect: what is wrong with the file, and what to do."""
QUEUE_FULL_SENTENCES: Mapping[str, str] = {
    "member": "You have as many requests waiting as one member may have ({limit}). Wait until one is done.",
    "server": "This server has as many requests waiting as it may have ({limit}). Try again in a while.",
}
NO_ROOM_SENTENCES: Mapping[Room, str] = {
    Room.TURNS: (
        "So many images are coming in that there was no time for yours. Nothing was ordered; "
        "send it again in a few minutes."
    ),
    Room.MEMBERS_SHARE: (
        "The images that you have sent take all the room that one member may have. "
        "Send this one again when one of your requests is done."
    ),
    Room.QUOTA: (
        "The images that members have sent take all the room that there is. Nothing was ordered; "
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
    return say(NO_PROMPT)


@refusal_sentence.register
def _(error: NeedsImage) -> str:
    return say(MASK_NEEDS_IMAGE if error.option == "mask" else NEEDS_IMAGE, option=error.option)


@refusal_sentence.register
def _(error: OptionNotTaken) -> str:
    if error.option == "upscale":
        return say(NO_UPSCALING, model=_model_title(error.model))
    typed = COMMAND_NAMES.get(error.option, error.option)
    return say(OPTION_NOT_TAKEN, model=_model_title(error.model), option=option_name(error.option), typed=typed)


@refusal_sentence.register
def _(error: OutOfRange) -> str:
    option, takes = option_name(error.option), format_span(error.takes)
    if error.model is None:
        return say(SERVER_TAKES, option=option, takes=takes)
    sentence = MODEL_TAKES_SEEDS if error.option == "seed" else MODEL_TAKES
    return say(sentence, option=option, model=_model_title(error.model), takes=takes)


@refusal_sentence.register
def _(error: NotOffered) -> str:
    asked, option = code_span(error.asked, ASKED_CHARACTERS), option_name(error.option)
    names = escape(join_names(error.offered), TITLES_CHARACTERS)
    if error.model is None:
        return say(NO_SUCH_NAME, asked=asked, option=option, names=names)
    return say(MODEL_HAS_NO_SUCH_NAME, asked=asked, option=option, model=_model_title(error.model), names=names)


@refusal_sentence.register
def _(error: UnknownSize) -> str:
    return say(UNKNOWN_SIZE, asked=code_span(error.asked, ASKED_CHARACTERS))


@refusal_sentence.register
def _(error: SizeNotTaken) -> str:
    takes = format_sizes(error.sizes, error.size_range)
    return say(SIZE_NOT_TAKEN, model=_model_title(error.model), size=error.asked, takes=takes)


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
    why, advice = DEFECT_SENTENCES[error.defect]
    return join_sentences(say(why, option=error.option), say(advice, **IMAGE_LIMITS))


@refusal_sentence.register
def _(error: WrongFileType) -> str:
    why = say(FILE_TYPE, option=error.option, file_type=escape(error.file_type))
    return join_sentences(why, say(SEND_IMAGE, **IMAGE_LIMITS))


@refusal_sentence.register
def _(error: FileTooLarge) -> str:
    return say(FILE_LENGTH, option=error.option, length=_mebibytes(error.length), limit=_mebibytes(error.limit))


@refusal_sentence.register
def _(error: ImageTooLarge) -> str:
    if error.longest_side:
        return say(SIDES, option=error.option, size=error.size, longest=error.longest_side)
    megapixels = f"{(error.most_pixels or MAX_PIXELS) / 1e6:.0f}"
    why = say(TOO_MANY_PIXELS, option=error.option, size=error.size, megapixels=megapixels)
    return join_sentences(why, say(SEND_IMAGE, **IMAGE_LIMITS))


@refusal_sentence.register
def _(error: TooManyScans) -> str:
    why = say(SCANS, option=error.option, scans=error.scans, limit=error.limit)
    return join_sentences(why, say(SAVE_AS_PNG))


@refusal_sentence.register
def _(error: OtherProportions) -> str:
    return join_sentences(say(PROPORTIONS, mask=error.mask, image=error.image), say(SEND_MASK))


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


def _model_title(model: str) -> str:
    return f"**{escape(model)}**"


def _mebibytes(length: int) -> str:
    """Rounded up to a tenth of a MiB, so that a file just over the limit does not seem to be within it."""
    return say(MEBIBYTES, count=f"{ceil(length / 2**20 * 10) / 10:g}")
