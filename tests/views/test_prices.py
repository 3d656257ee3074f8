# pyright: basic, reportArgumentType=false
"""Prices: what an API tells of them, and how they are worded."""

from decimal import Decimal

import pytest

from domain import Price
from domain.numbers import amount
from domain.prices import EarlierPrice
from views.wording.prices import labelled_price, price_words


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (0.003, "0.003"),
        (1e-07, "1E-7"),
        ("0.00003", "0.00003"),
        (" 0.10 ", "0.10"),
        (5, "5"),
        (0, "0"),
        *[(each, None) for each in (-1, True, None, "", "free", "$1", [], {}, float("nan"), float("inf"), 10**400)],
        *[(each, None) for each in ("1e300", "1e-300", "0e-999999999", "0e999999999", "1e10", "9" * 41)],
    ],
    ids=str,
)
def test_an_amount_is_a_number_of_reasonable_length_or_none(told, read):
    assert amount(told) == (None if read is None else Decimal(read))
    assert len(f"{amount(told) or 0:f}") < 50


@pytest.mark.parametrize(
    ("price", "words"),
    [
        (Price.of(3e-05, "pollen", "token"), "0.00003 pollen a token"),
        (Price.of(0.03, "USD", "picture"), "0.03 USD a picture"),
        (Price.of("0.03", "$", "first megapixel"), "$0.03 for the first megapixel"),
        (Price.of("0.03", "\N{EURO SIGN}", "picture"), "\N{EURO SIGN}0.03 a picture"),
        (Price.of("1", "*@everyone* {amount}", "token"), "1 \\*@\u200beveryone\\* {amount} a token"),
        (EarlierPrice(text="0.05 USD an image"), "0.05 USD an image"),
    ],
    ids=str,
)
def test_a_price_is_worded_with_what_is_known_of_it(price, words):
    assert price_words(price) == words
    assert labelled_price(price) == f"price {words}"
    assert labelled_price(price, 2) == f"price 2 \N{MULTIPLICATION SIGN} {words}"


def test_a_price_without_currency_or_unit_is_left_out():
    """Nebula Block and others tell a number alone; earlier versions have stored such prices."""
    assert [Price.of("0.003"), Price.of("0.003", "$"), Price.of("0.003", unit="picture")] == [None] * 3
    stored = Price(amount=Decimal("0.003")), Price(amount=Decimal(1), currency="$"), EarlierPrice(text="0.003")
    assert [labelled_price(each, 2) for each in stored] == [""] * 3
