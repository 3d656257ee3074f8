"""The texts of /help and /privacy, each within one message."""

from collections.abc import Sequence

from domain import Model
from providers.kit.base import Provider
from views.wording.text import code_span, join_all, join_sentences, say

HELP = """
**Easel draws pictures from words.** Here it draws with {providers}.

`/imagine prompt:a lighthouse at dusk, oil painting size:wide` draws. All but the prompt can be left out: then this
server's defaults are taken.

`/imagine prompt:the same in winter image:(your file)` starts from your image. With `mask` as well, only the mask's
white part is painted anew. `private:True` shows the result to you alone.

Below a picture, **Again** draws it with a new seed, and **Delete** removes it, for its owner and for those who may
manage messages. **Upscale**, where it is shown, makes it larger.

`/providers` shows which providers can draw here and how well each works today; its menu shows a provider's models, and
what they take.

`/recover` gives you pictures that could not be delivered, for example because Discord took them for explicit, or their
channel was deleted.

`/queue` shows your requests that are being drawn or wait, and cancels them; those who manage the server see all of
them.

`/settings` sets the default provider, model and size, the fallback providers for when one is down, and who sees
results. It is for those who manage the server.

`/privacy` tells what is stored, where your words go, and how to have it deleted.

`/help` shows this page.
"""
PRIVACY = """
**What becomes of what you type and send**

**Stored here:** each request with its words and options, the ids of its server, channel and member, and when it was
made and drawn, for 90 days. Pictures are kept until they are delivered, 7 days at most; images that you send, 24
hours at most, and the link to one as long as Retry may need it.

**Where it goes:** your words, and an image that you add, go to the provider named below the picture (here:
{outside}). {images} When a provider is down, the next in this server's chain gets them. A public picture's file carries
its prompt and settings; a private one's does not.

{deleting} What a provider keeps is up to that provider; pictures that were posted stay until they are
deleted by their button. When the bot is removed from a server, what is finished there is deleted; what is under way is
cancelled, and goes after its 90 days.

**Who runs this bot:** {host}
"""
NOBODY_OUTSIDE = "nobody outside this bot"
IMAGES_STRIPPED = "Images are stripped of place and camera data before that."
IMAGES_STRIPPED_OR_FETCHED = (
    "Images are stripped of place and camera data before that, except for models of {providers}, which fetch your "
    "original file themselves, by the link that Discord gave it."
)
DRAWN_BY_VOLUNTEERS = "The pictures of {providers} are drawn on the machines of volunteers, who could read your words."
DELETES = (
    "**Deleting it:** the button below deletes your finished requests, and pictures that wait for you. It asks once "
    "before that."
)
DELETES_NO_SUSPENSION = (
    "**Deleting it:** the button below deletes your finished requests, and pictures that wait for you. It asks once "
    "before that; whoever is held back after a refusal by {providers} stays so for that time."
)
SUSPENDS_FOR = "{provider} ({minutes} minutes)"


def help_page(providers: Sequence[Provider]) -> str:
    return say(_unwrap(HELP), providers=", ".join(provider.title for provider in providers))


def privacy_page(listed: Sequence[tuple[Provider, Sequence[Model]]], host: str) -> str:
    """The privacy page for the enabled providers. host: who runs this bot."""
    providers = [provider for provider, _ in listed]
    by_link = [each.title for each, models in listed if any(model.capabilities.image_by_link for model in models)]
    volunteers = [each.title for each in providers if each.uses_volunteers]
    return say(
        _unwrap(PRIVACY),
        outside=join_all([each.title for each in providers if each.is_external]) or NOBODY_OUTSIDE,
        images=join_sentences(
            _sentence_about(by_link, IMAGES_STRIPPED_OR_FETCHED, IMAGES_STRIPPED),
            _sentence_about(volunteers, DRAWN_BY_VOLUNTEERS),
        ),
        deleting=_sentence_about(_suspending(providers), DELETES_NO_SUSPENSION, DELETES),
        host=code_span(host, 100),
    )


def _suspending(providers: Sequence[Provider]) -> list[str]:
    """The providers that hold members back after refusals, and for how long."""
    return [
        say(SUSPENDS_FOR, provider=each.title, minutes=f"{each.suspension_time.total_seconds() / 60:.0f}")
        for each in providers
        if each.suspension_time
    ]


def _sentence_about(names: Sequence[str], sentence: str, without: str = "") -> str:
    """The sentence about these providers; another if there are none."""
    return say(sentence, providers=join_all(names)) if names else without


def _unwrap(text: str) -> str:
    """Each paragraph on one line, as Discord shows line breaks."""
    return "\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))
