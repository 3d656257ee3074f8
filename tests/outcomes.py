# pyright: basic
"""What tests ask of an error of any type."""

from domain import Acceptance, Cause, EaselError, OutageError, ProviderError, Unavailable


def option_of(error: EaselError) -> str | None:
    """The option that it blames."""
    return getattr(error, "option", None)


def cause_of(error: EaselError) -> Cause | None:
    """Why the provider cannot draw, where Easel knows it."""
    return error.cause if isinstance(error, Unavailable) else None


def blames_model(error: EaselError) -> bool:
    return isinstance(error, OutageError) and error.blames_model


def not_taken(error: EaselError) -> bool:
    """Whether it says that the provider surely has not accepted the call."""
    return isinstance(error, ProviderError) and error.taken is Acceptance.NOT_TAKEN
