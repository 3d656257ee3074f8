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
    """A sign, a code or a name, as the provider writes it; None in rows of earlier versions only."""
    unit: PriceUnit | None = None
    """None in rows of earlier versions only."""

    @classmethod
    def of(cls, told: Any, currency: str | None = None, unit: PriceUnit | None = None) -> "Price | None":
        """A price from an API; None where the amount is not a number, or its currency or unit is not told."""
        read = amount(told)
        return cls(amount=read, currency=currency, unit=unit) if read is not None and currency and unit else None


class EarlierPrice(Frozen):
    """A price that an earlier version has written into the row as text."""

    kind: Literal["earlier"] = "earlier"
    text: str


Cost = Annotated[Price | EarlierPrice, Field(discriminator="kind")]
"""The price that a job's row keeps."""
