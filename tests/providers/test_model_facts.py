# pyright: basic
"""Facts about models are read from data, mended by the host's file, and decide what is offered."""

import tomllib
from datetime import date
from decimal import Decimal

import pytest

from config import ConfigError, read_config
from domain import Price, Size, SizeRange, Span
from providers.kit.facts_files import FOLDER, FactsError, built_in, read_facts
from providers.kit.model_facts import ModelFacts
from providers.kit.once import warn_once
from startup import models_that_end
from tests.conftest import ROOT

WRITTEN = """
source = "a page"
seen = 2026-12-01

[takes.free]
sizes = ["1024x1024", "1024x576"]
size_range = {low = 64, high = 2048, multiple = 16}
seed = true
[takes.edits]
like = "free"
image_to_image = true

[[models]]
id = "flux-2-pro"
title = "FLUX.2 pro"
like = "edits"
takes = {steps = [1, 50]}
price = {amount = "0.03", currency = "$", unit = "first megapixel"}
[[models]]
id = "flux-old"
like = "flux-2-pro"
ends = 2026-12-20
[[models]]
pattern = "*kontext*"
like = "free"
"""


@pytest.fixture(autouse=True)
def _untold():
    warn_once.cache_clear()


@pytest.fixture
def facts() -> ModelFacts:
    return read_facts(tomllib.loads(WRITTEN))


def ids(facts: ModelFacts) -> list[str]:
    return [model.id for model in facts.listed]


def test_an_entry_builds_on_a_set_or_a_model(facts, day):
    day("2026-12-01")
    pro, old = facts.listed
    assert (pro.id, pro.title) == ("flux-2-pro", "FLUX.2 pro")
    assert pro.price == Price(amount=Decimal("0.03"), currency="$", unit="first megapixel")
    takes = pro.capabilities
    assert takes.sizes == (Size(1024, 1024), Size(1024, 576))
    assert takes.size_range == SizeRange(low=64, high=2048, multiple=16)
    assert (takes.seed, takes.image_to_image, takes.steps) == (True, True, Span(low=1, high=50))
    assert (old.title, old.capabilities, old.price) == ("flux-old", takes, None)
    assert (facts.about("flux-2-pro").source, facts.about("flux-2-pro").seen) == ("a page", date(2026, 12, 1))


def test_other_ids_are_known_by_their_pattern(facts):
    known = facts.model("Maker/FLUX-Kontext-2026-01-02", "Ours")
    assert (known.id, known.title, known.capabilities.seed) == ("Maker/FLUX-Kontext-2026-01-02", "Ours", True)
    assert facts.model("unheard-of").capabilities == ModelFacts().model("x").capabilities


@pytest.mark.parametrize("id", ["flux-old", "owner/FLUX-old", "flux-old-2025-12-16"])
def test_a_model_is_not_offered_from_its_last_day_on(facts, day, caplog, id):
    models = [facts.model("flux-2-pro"), facts.model(id)]
    day("2026-12-19")
    assert facts.without_ended(models) == models
    day("2026-12-20")
    for _ in range(2):
        assert facts.without_ended(models) == models[:1]
    (record,) = caplog.records
    assert id in record.getMessage()
    assert ids(facts) == ["flux-2-pro"]


@pytest.mark.parametrize(
    ("today", "told"), [("2026-11-19", False), ("2026-11-20", True), ("2026-12-19", True), ("2026-12-20", False)]
)
def test_a_model_that_ends_within_thirty_days_is_told(facts, day, today, told):
    day(today)
    assert list(facts.ending_soon(["flux-2-pro", "flux-old"])) == ["flux-old"] * told


def test_a_hosts_entry_changes_what_it_names_alone(facts, day):
    day("2026-12-01")
    mended = read_facts({"models": [{"id": "flux-2-pro", "price": {"amount": "0.02", "currency": "€"}}]}, facts)
    old, new = facts.about("flux-2-pro"), mended.about("flux-2-pro")
    assert new.price == Price(amount=Decimal("0.02"), currency="€")
    assert (new.title, new.takes, ids(mended)) == (old.title, old.takes, ids(facts))
    mended = read_facts({"models": [{"id": "flux-2-pro", "takes": {"seed": False}}]}, facts)
    assert mended.about("flux-2-pro").takes == old.takes.having(seed=False)


def test_a_hosts_new_model_is_offered_and_may_build_on_a_known_one(facts, day):
    day("2026-12-01")
    mended = read_facts({"models": [{"id": "flux-3", "title": "FLUX.3", "like": "flux-2-pro"}]}, facts)
    assert ids(mended) == [*ids(facts), "flux-3"]
    assert mended.about("flux-3").takes == facts.about("flux-2-pro").takes


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"modells": []}, "the file: nothing reads `modells`"),
        ({"models": [{"id": "a", "stepz": 1}]}, "models, number 1: nothing reads `stepz`"),
        ({"models": [{"id": "a"}, {"id": "b", "takes": {"sed": True}}]}, "models, number 2: nothing reads `sed`"),
        ({"models": [{"title": "A"}]}, "models, number 1: needs either an id or a pattern"),
        ({"models": [{"id": "a", "pattern": "a*"}]}, "models, number 1: needs either an id or a pattern"),
        (
            {"models": [{"id": "a", "like": "b"}]},
            "models, number 1: `like` names neither a set nor a model above it: b",
        ),
        ({"models": [{"id": "a", "takes": {"sizes": ["10"]}}]}, "models, number 1: sizes: no size: 10"),
        ({"models": [{"id": "a", "takes": {"steps": [1]}}]}, "models, number 1: steps: "),
        ({"models": [{"id": "a", "ends": "soon"}]}, "models, number 1: ends: "),
        ({"models": [{"id": "a", "price": {"amount": "x"}}]}, "models, number 1: price.amount: "),
        ({"models": [7]}, "the file: models.0: "),
        ({"takes": {"x": {"like": "y"}}}, "takes.x: `like` names neither"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(table, reason):
    with pytest.raises(FactsError) as caught:
        read_facts(table)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("name", sorted(file.name.removesuffix(".toml") for file in FOLDER.iterdir()))
def test_each_fact_of_ours_has_its_source_and_day(name):
    for each in built_in(name).entries:
        assert each.source and each.seen, each.id or each.pattern


def test_a_new_model_needs_no_release(tmp_path, day):
    day("2026-12-01")
    file = tmp_path / "models.toml"
    file.write_text('[[bfl.models]]\nid = "flux-9"\ntitle = "FLUX.9"\nends = 2026-12-24\n')
    settings = read_config({"MODELS_FILE": str(file), "BFL_API_KEY": "test-key"}).providers["bfl"]
    assert settings.facts and "flux-9" in [model.id for model in settings.facts.listed]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[", "MODELS_FILE names a file that is no TOML: "),
        ("bfl = 1", "MODELS_FILE names a file in which bfl is no table such as [openai]."),
        ("[bfll]", "MODELS_FILE: bfll is no provider. Did you mean bfl?"),
        ("[bfl]\nmodel = 1", "MODELS_FILE: bfl: the file: nothing reads `model`."),
        ("a" * 1_000_001, "MODELS_FILE names a file of more than 1,000,000 bytes."),
        (b"\xff", "MODELS_FILE names a file that is no TOML: "),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path, content, reason):
    file = tmp_path / "models.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        read_config({"MODELS_FILE": str(file)})
    assert str(caught.value).startswith(reason) and "\n" not in str(caught.value)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigError, match="names a file that cannot be read: No such file or directory"):
        read_config({"MODELS_FILE": str(tmp_path / "none.toml")})


def test_the_example_of_the_docs_is_read(tmp_path):
    (example,) = [part.split("```")[0] for part in (ROOT / "docs/models.md").read_text().split("```toml\n")[1:]]
    file = tmp_path / "models.toml"
    file.write_text(example)
    read_config({"MODELS_FILE": str(file)})


async def test_the_host_is_told_of_ends(bench_for, day):
    day("2026-12-01")
    bench = await bench_for("bfl")
    facts = read_facts({"models": [{"id": "flux-old", "ends": date(2026, 12, 20)}]})
    provider = bench.provider(facts=facts)
    assert models_that_end(provider) == [
        "flux-old ends on 2026-12-20: choose another in servers' settings and <NAME>_MODELS"
    ]
    assert models_that_end(bench.provider(facts=facts, models=(("flux-2-pro", "Two"),))) == []
    day("2026-12-20")
    assert "flux-old" not in [model.id for model in await provider.models()]
