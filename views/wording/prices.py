"""What a picture costs, as members read it."""

import unicodedata
from collections.abc import Mapping

from domain.prices import Cost, Price, PriceUnit
from views.wording.text import escape, say, say_count

CURRENCY_CHARACTERS = 20
AFTER_SIGN = "{currency}{amount}"
BEFORE_NAME = "{amount} {currency}"
PRICE_SENTENCES: Mapping[PriceUnit | None, str] = {
    "picture": "{money} a picture",
    "token": "{money} a token",
    "first megapixel": "{money} for the first megapixel",
    None: "{money}",
}
LABELLED = "price {price}"
LABELLED_OF_SEVERAL = "price {count} \N{MULTIPLICATION SIGN} {price}"


def price_words(price: Cost) -> str:
    """An amount, with its currency and its unit where they are known."""
    if isinstance(price, Price):
        return say(PRICE_SENTENCES[price.unit], money=_money(price))
    return escape(price.text)


def labelled_price(price: Cost, pictures: int = 1) -> str:
    """Prices of several pictures are not summed, as one may be per megapixel or token."""
    return say_count(LABELLED, LABELLED_OF_SEVERAL, pictures, price=price_words(price))


def _money(price: Price) -> str:
    amount = f"{price.amount:f}"
    if price.currency is None:
        return amount
    is_sign = all(unicodedata.category(each) == "Sc" for each in price.currency)
    currency = escape(price.currency, CURRENCY_CHARACTERS)
    return say(AFTER_SIGN if is_sign else BEFORE_NAME, amount=amount, currency=currency)
