"""What a model costs, as its API or its documentation tells it."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.frozen import Frozen
from domain.numbers import amount

PriceUnit = Literal["picture", "token", "first megapixel"]


class Price(Frozen):
    """The price of one unit."""

    kind: Literal["price"] = "price"
    amount: Decimal
    currency: str | None = None
    """A sign, a code or a name, as the provider writes it; None where it tells none."""
    unit: PriceUnit | None = None
    """None where the provider does not tell it."""

    @classmethod
    def of(cls, told: Any, currency: str | None = None, unit: PriceUnit | None = None) -> "Price | None":
        """A price from an API; None where the amount is not a number."""
        read = amount(told)
        return None if read is None else cls(amount=read, currency=currency, unit=unit)


class EarlierPrice(Frozen):
    """A price that an earlier version has written into the row as text."""

    kind: Literal["earlier"] = "earlier"
    text: str


Cost = Annotated[Price | EarlierPrice, Field(discriminator="kind")]
"""The price that a job's row keeps."""
