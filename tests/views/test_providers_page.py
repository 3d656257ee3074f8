# pyright: basic, reportArgumentType=false
"""The page of /providers with many providers, long names, and outages."""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from domain import Capabilities, Model, Price, Span
from providers import REGISTRY
from studio.catalogue import ProviderHealth
from views.providers_page import ProviderMenu, Row, overview_page, provider_page

TITLES = [kind.title if isinstance(kind.title, str) else kind.name for kind in REGISTRY]
UP = ProviderHealth("up", None, 0.98, 12.4)
PRICE = Price(amount=Decimal("0.03"), currency="USD", unit="picture")
DOWN = ProviderHealth("untested", datetime(2026, 11, 1, tzinfo=UTC), 1.0, 599.0)


def row(title: str, standing: ProviderHealth = UP, models: tuple[Model, ...] = ()) -> Row:
    offered = models or (Model(id="one", title="FLUX.2 pro", price=PRICE),)
    provider = SimpleNamespace(name=title.casefold(), title=title)
    return Row(provider, offered, offered[0], standing, is_default=False)


def test_a_providers_state_figures_and_default_model_are_on_one_line():
    line = overview_page([row("Sketch")._replace(is_default=True)]).splitlines()[0]
    assert line == "🟢 **Sketch** · the default here · 98% drawn · usually 12 s · FLUX.2 pro · price 0.03 USD a picture"


def test_all_providers_fit_into_a_message_with_models_and_prices():
    page = overview_page([row(title) for title in TITLES])
    assert len(page) <= 2000
    assert page.count("FLUX.2 pro") == page.count("0.03 USD") == len(REGISTRY)


@pytest.mark.parametrize(("count", "shown"), [(16, 16), (20, 20), (40, 23)])
def test_the_overview_is_one_message_however_many_providers_are_down(count, shown):
    models = (Model(id="one", title="*" * 80, price=Price(amount=Decimal(1), currency="x" * 60, unit="picture")),)
    page = overview_page([row(f"Black Forest {number:02}", DOWN, models) for number in range(count)])
    assert len(page) <= 2000
    assert page.count("⚪ **Black Forest ") == shown


def test_a_menu_has_no_more_than_discord_takes():
    menu = ProviderMenu([row(f"{number} " + "x" * 120) for number in range(40)], None)
    assert len(menu.options) == 25
    assert all(len(option.label) <= 100 for option in menu.options)


def test_models_that_take_the_same_share_a_line():
    words, image = Capabilities(seed=True), Capabilities(text_to_image=False, image_to_image=True)
    models = [Model(id=str(n), title=f"M{n}", capabilities=image if n == 1 else words) for n in range(20)]
    first, alike, other, _ = provider_page(row("Sketch", models=tuple(models))).splitlines()
    assert first == "🟢 **Sketch** · 98% drawn · usually 12 s"
    assert alike.startswith("- **M0**, **M2**, ")
    assert alike.endswith("**M12** and 7 more: words alone, seed")
    assert other == "- **M1**: an image"


def test_many_models_that_all_differ_are_one_message():
    models = [
        Model(
            id=str(n),
            title=f"{n}" * 40,
            price=Price(amount=Decimal(1), currency="a" * 60, unit="picture"),
            capabilities=Capabilities(steps=Span(low=1, high=n + 2)),
        )
        for n in range(100)
    ]
    for length in range(1, 80):
        assert len(provider_page(row("S" * length, models=tuple(models) * 2))) <= 2000
    page = provider_page(row("Sketch", models=tuple(models)))
    assert len(page) <= 2000
    shown = page.count("- **")
    assert shown > 5
    assert f"- and {100 - shown} more" in page.splitlines()


def test_a_model_that_only_makes_pictures_larger_says_so():
    larger = Model(id="up", title="Up", capabilities=Capabilities(text_to_image=False, upscale=True))
    assert "**Up**: a picture to make larger" in provider_page(row("Sketch", models=(larger,)))
