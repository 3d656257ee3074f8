# pyright: basic
"""What tests ask of an error of any type."""

from domain import Acceptance, EaselError, OutageError, ProviderError


def option_of(error: EaselError) -> str | None:
    """The option that it blames."""
    return getattr(error, "option", None)


def blames_model(error: EaselError) -> bool:
    return isinstance(error, OutageError) and error.blames_model


def not_taken(error: EaselError) -> bool:
    """Whether it says that the provider surely has not accepted the call."""
    return isinstance(error, ProviderError) and error.taken is Acceptance.NOT_TAKEN
