"""What a picture costs, as members read it."""

import unicodedata
from collections.abc import Mapping
from decimal import Decimal

from domain.numbers import number
from domain.prices import Cost, Price, PriceUnit
from views.wording.text import escape, say, say_count

CURRENCY_CHARACTERS = 20
AFTER_SIGN = "{currency}{amount}"
BEFORE_NAME = "{amount} {currency}"
PRICE_SENTENCES: Mapping[PriceUnit, str] = {
    "picture": "{money} a picture",
    "token": "{money} a token",
    "first megapixel": "{money} for the first megapixel",
}
LABELLED = "price {price}"
LABELLED_OF_SEVERAL = "price {count} \N{MULTIPLICATION SIGN} {price}"


def price_words(price: Cost) -> str:
    """An amount with its currency and its unit; empty if one of them is not known."""
    if not isinstance(price, Price):
        return "" if number(price.text) is not None else escape(price.text)
    if price.currency is None or price.unit is None:
        return ""
    return say(PRICE_SENTENCES[price.unit], money=_money(price.amount, price.currency))


def labelled_price(price: Cost, pictures: int = 1) -> str:
    """Prices of several pictures are not summed, as one may be per megapixel or token; empty if it is not known."""
    words = price_words(price)
    return say_count(LABELLED, LABELLED_OF_SEVERAL, pictures, price=words) if words else ""


def _money(amount: Decimal, currency: str) -> str:
    is_sign = all(unicodedata.category(each) == "Sc" for each in currency)
    sentence = AFTER_SIGN if is_sign else BEFORE_NAME
    return say(sentence, amount=f"{amount:f}", currency=escape(currency, CURRENCY_CHARACTERS))
