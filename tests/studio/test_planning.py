# pyright: basic
"""Planning: whose choice counts, what is fitted, and what is refused."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from domain import (
    CannotDrawFrom,
    Capabilities,
    ImageRequest,
    Model,
    NeedsImage,
    NoPrompt,
    NotOffered,
    NotPossible,
    OptionNotTaken,
    Origin,
    OutOfRange,
    Price,
    Settings,
    Size,
    SizeNotTaken,
    SizeRange,
    Source,
    Span,
    State,
    Upload,
)
from domain.choices import choice_value
from domain.numbers import SEEDS
from domain.outcomes import ModelGone, NoAI, SizeFitted
from providers.kit.settings import ProviderSettings
from studio.intake.planning import Planner, call_request, default_provider
from tests.conftest import make_job
from tests.studio.conftest import FakeProvider
from views.wording.notes import note_sentence
from views.wording.outcomes import explain

ORIGIN = Origin(**make_job().model_dump(include=set(Origin.model_fields)))
FULL = Capabilities(
    sizes=(Size(512, 512), Size(1024, 576)),
    size_range=SizeRange(low=64, high=2048, multiple=8),
    negative_prompt=True,
    seed=True,
    steps=Span(low=1, high=50),
    guidance_scale=Span(low=1, high=20),
    strength=Span(low=0, high=1),
    schedulers=("DDIM", "Euler"),
    qualities=("low", "high"),
    styles=("ink",),
    transparent=True,
    refiner=True,
    safety_checker=True,
    per_call=2,
)
PLAIN = Capabilities(sizes=(Size(1024, 1024), Size(768, 1024)), max_count=2)
FROM_IMAGE = Capabilities(text_to_image=False, image_to_image=True, sizes=(Size(512, 512), Size(512, 288)))
FILL = Capabilities(text_to_image=False, inpainting=True, sizes=(Size(256, 256),))
IMAGE = Upload(url=None, size=Size(1600, 900))
IMAGES = (IMAGE,)


class Painter(FakeProvider):
    uses_ai = False


def model(id: str, takes: Capabilities, **more) -> Model:
    return Model(id=id, title=id.title(), capabilities=takes, **more)


DOLLAR = Price(amount=Decimal(1), currency="$", unit="picture")
PROVIDERS = {
    "rich": FakeProvider(models=[model("full", FULL), model("plain", PLAIN, price=DOLLAR)]),
    "image": FakeProvider(models=[model("from-image", FROM_IMAGE), model("fill", FILL), model("words", PLAIN)]),
    "plain": Painter(models=[model("plain", PLAIN)]),
    "sizeless": FakeProvider(models=[model("any", Capabilities())]),
}
for name, provider in PROVIDERS.items():
    provider.name = name  # pyright: ignore


@pytest.mark.parametrize(("asked", "quality"), [({}, "low"), ({"quality": "high"}, "high")])
async def test_the_quality_is_the_members_else_the_default(monkeypatch, asked, quality):
    rich = FakeProvider(models=[model("full", FULL.model_copy(update={"usual_quality": "low"}))])
    monkeypatch.setitem(PROVIDERS, "rich", rich)
    assert (await planned(**asked)).request.quality == quality


@pytest.mark.parametrize(
    ("shape", "notes"),
    [
        (Size(1024, 1024), ()),
        (Size(1920, 1080), ()),
        (Size(400, 300), (SizeFitted(size=Size(512, 288), wanted=Size(400, 300), whose="image"),)),
    ],
)
async def test_a_size_of_other_proportions_than_the_image_has_a_note(shape, notes):
    job = await planned(provider="image", images=(Upload(url=None, size=shape), IMAGE))
    assert job.notes == notes


async def planned(of: Settings | None = None, **asked):
    planner = Planner(PROVIDERS, "rich")
    request = ImageRequest(prompt="a boat").model_copy(update=asked)
    return await planner.plan(request, of or Settings(), ORIGIN)


@pytest.mark.parametrize(
    ("asked", "chosen", "notes"),
    [
        ({}, {"provider": "rich", "model": "ended"}, (ModelGone(),)),
        ({}, {"provider": "rich", "model": "plain"}, ()),
        ({"model": "plain"}, {"provider": "rich", "model": "ended"}, ()),
        ({"provider": "sizeless"}, {"provider": "rich", "model": "ended"}, ()),
        ({}, {"provider": "switched-off", "model": "ended"}, ()),
    ],
)
async def test_a_servers_model_that_is_gone_has_a_note(asked, chosen, notes):
    assert (await planned(Settings(**chosen), **asked)).notes == notes


async def test_a_model_that_is_gone_is_refused_with_alternatives():
    with pytest.raises(NotOffered) as caught:
        await planned(provider="rich", model="ended")
    assert caught.value == NotOffered(option="model", asked="ended", offered=("Full", "Plain"))
    assert "not on offer any more" in explain(caught.value)


def test_a_remote_job_is_fetched_although_its_model_is_gone():
    parent = make_job(provider="rich", model="ended", calls=2, calls_done=1, remote={"id": 1})
    rest = Planner(PROVIDERS, "rich").plan_remaining(parent, ORIGIN)
    assert (rest.state, rest.model, rest.calls_done, rest.remote) == (State.WAITING, "ended", 1, {"id": 1})
    with pytest.raises(NotOffered) as caught:
        Planner({}, "rich").plan_remaining(parent, ORIGIN)
    assert caught.value.option == "provider"


@pytest.mark.parametrize(
    ("asked", "chosen", "provider", "model"),
    [
        ({}, {}, "rich", "full"),
        ({}, {"provider": "plain"}, "plain", "plain"),
        ({}, {"provider": "switched-off"}, "rich", "full"),
        ({}, {"provider": "rich", "model": "plain"}, "rich", "plain"),
        ({}, {"provider": "rich", "model": "gone"}, "rich", "full"),
        ({"provider": "plain"}, {"provider": "rich", "model": "full"}, "plain", "plain"),
        ({"provider": "rich"}, {"provider": "rich", "model": "plain"}, "rich", "plain"),
        ({"model": "full"}, {"model": "plain"}, "rich", "full"),
        ({"model": " PLAIN "}, {}, "rich", "plain"),
        ({"prompt": "\U0001fae8"}, {}, "rich", "full"),  # an emoji that is newer than Python's own list
        ({"provider": "image"}, {}, "image", "words"),
        ({"provider": "image", "images": IMAGES}, {}, "image", "from-image"),
        ({"provider": "image", "images": IMAGES, "mask": IMAGE}, {}, "image", "fill"),
        ({"provider": "image", "images": IMAGES}, {"provider": "image", "model": "words"}, "image", "from-image"),
    ],
)
async def test_provider_model_and_options_are_chosen(asked, chosen, provider, model):
    job = await planned(Settings(**chosen), **asked)
    assert (job.provider, job.model, job.model_title) == (provider, model, model.title())
    assert (job.request.provider, job.request.model) == (provider, model)


RANGE = SizeRange(low=64, high=2048, multiple=8)


@pytest.mark.parametrize(
    ("asked", "refusal", "takes"),
    [
        (
            {"provider": "nobody"},
            NotOffered(option="provider", asked="nobody", offered=("rich", "image", "plain", "sizeless")),
            "rich, image, plain, sizeless",
        ),
        (
            {"model": "nothing"},
            NotOffered(option="model", asked="nothing", offered=("Full", "Plain")),
            "Full, Plain",
        ),
        ({"prompt": " \n\u200b"}, NoPrompt(), "Write in `prompt` what to draw"),
        ({"mask": IMAGE}, NeedsImage(option="mask"), "A mask needs `image` too, in the same shape"),
        (
            {"images": IMAGES},
            CannotDrawFrom(source=Source.IMAGE, model="Full", sources=(Source.WORDS,)),
            "a prompt alone",
        ),
        (
            {"images": IMAGES, "mask": IMAGE},
            CannotDrawFrom(source=Source.MASK, model="Full", sources=(Source.WORDS,)),
            "a prompt alone",
        ),
        (
            {"provider": "image", "model": "fill", "images": IMAGES},
            CannotDrawFrom(source=Source.IMAGE, model="Fill", sources=(Source.MASK,)),
            "a prompt with an image and a mask",
        ),
        (
            {"provider": "image", "model": "from-image"},
            CannotDrawFrom(source=Source.WORDS, model="From-Image", sources=(Source.IMAGE,)),
            "a prompt with an image",
        ),
        (
            {"provider": "image", "model": "words", "images": IMAGES, "mask": IMAGE},
            CannotDrawFrom(source=Source.MASK, model="Words", sources=(Source.WORDS,)),
            "a prompt alone",
        ),
        ({"steps": 51}, OutOfRange(option="steps", asked=51, model="Full", takes=Span(low=1, high=50)), "1 to 50"),
        (
            {"guidance_scale": 0.5},
            OutOfRange(option="guidance_scale", asked=0.5, model="Full", takes=Span(low=1, high=20)),
            "1 to 20",
        ),
        (
            {"strength": 1.5},
            OutOfRange(option="strength", asked=1.5, model="Full", takes=Span(low=0, high=1)),
            "0 to 1",
        ),
        (
            {"scheduler": "x"},
            NotOffered(option="scheduler", asked="x", offered=("DDIM", "Euler"), model="Full"),
            "DDIM, Euler",
        ),
        (
            {"quality": "x"},
            NotOffered(option="quality", asked="x", offered=("low", "high"), model="Full"),
            "low, high",
        ),
        ({"style": "x"}, NotOffered(option="style", asked="x", offered=("ink",), model="Full"), "ink"),
        ({"count": 5}, OutOfRange(option="count", asked=5, model="Full", takes=Span(low=1, high=4)), "1 to 4"),
        ({"count": 0}, OutOfRange(option="count", asked=0, model="Full", takes=Span(low=1, high=4)), "1 to 4"),
        (
            {"size": Size(65, 64)},
            SizeNotTaken(asked=Size(65, 64), model="Full", sizes=FULL.sizes, size_range=RANGE),
            "any size with sides from 64 to 2048, in steps of 8",
        ),
        ({"model": "plain", "steps": 1}, OptionNotTaken(option="steps", model="Plain"), "no steps"),
        ({"model": "plain", "seed": 1}, OptionNotTaken(option="seed", model="Plain"), "no seed"),
        (
            {"model": "plain", "negative_prompt": "x"},
            OptionNotTaken(option="negative_prompt", model="Plain"),
            "no negative prompt",
        ),
        ({"model": "plain", "scheduler": "DDIM"}, OptionNotTaken(option="scheduler", model="Plain"), "no scheduler"),
        ({"model": "plain", "quality": "low"}, OptionNotTaken(option="quality", model="Plain"), "no quality"),
        ({"model": "plain", "style": "ink"}, OptionNotTaken(option="style", model="Plain"), "no style"),
        (
            {"model": "plain", "transparent": True},
            OptionNotTaken(option="transparent", model="Plain"),
            "no transparent background",
        ),
        (
            {"model": "plain", "size": Size(64, 64)},
            SizeNotTaken(asked=Size(64, 64), model="Plain", sizes=(Size(1024, 1024), Size(768, 1024))),
            "1024x1024, 768x1024",
        ),
        (
            {"provider": "sizeless", "size": Size(64, 64)},
            OptionNotTaken(option="size", model="Any"),
            "no size",
        ),
    ],
)
async def test_a_members_invalid_choice_is_refused(asked, refusal, takes):
    with pytest.raises(type(refusal)) as caught:
        await planned(**asked)
    assert caught.value == refusal
    assert takes in explain(caught.value)


@pytest.mark.parametrize(
    ("asked", "chosen", "size", "note"),
    [
        ({}, None, (512, 512), ""),
        ({}, Size(1024, 576), (1024, 576), ""),
        ({}, Size(640, 640), (640, 640), ""),
        ({"size": Size(640, 320)}, Size(1024, 576), (640, 320), ""),
        ({"model": "plain"}, Size(512, 512), (1024, 1024), "does not take the server's 512x512"),
        ({"model": "plain"}, Size(600, 800), (768, 1024), "does not take the server's 600x800"),
        ({"provider": "image", "images": IMAGES}, Size(64, 64), (512, 288), ""),
        ({"provider": "image", "images": (Upload(url=None),)}, Size(64, 64), (512, 512), "Drawn at 512x512"),
        ({"provider": "sizeless"}, Size(64, 64), None, ""),
    ],
)
async def test_default_sizes_are_fitted_with_a_note(asked, chosen, size, note):
    job = await planned(Settings(size=chosen), **asked)
    assert job.request.size == size
    assert note in " ".join(map(note_sentence, job.notes))
    assert bool(job.notes) is bool(note)


@pytest.mark.parametrize(
    ("asked", "server", "private"),
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
async def test_the_members_privacy_overrides_the_servers(asked, server, private):
    job = await planned(Settings(private=server), private=asked)
    assert (job.private, job.request.private) == (private, private)


async def test_the_servers_switches_reach_a_model_that_has_them():
    chosen = Settings(refiner=True, safety_checker=False)
    full, plain = [await planned(chosen, model=each) for each in ("full", "plain")]
    assert (full.request.refiner, full.request.safety_checker) == (True, False)
    assert (plain.request.refiner, plain.request.safety_checker) == (None, None)
    again = await planned(Settings(), refiner=True, safety_checker=False)
    assert (again.request.refiner, again.request.safety_checker) == (False, True), "a member may not switch it off"


async def test_a_provider_without_ai_has_a_note_and_a_price_is_kept():
    assert (await planned(provider="plain")).notes == (NoAI(),)
    assert (await planned(model="plain")).cost == DOLLAR


async def test_seeds_are_the_members_or_random():
    assert (await planned(seed=0)).request.seed == 0
    drawn = [(await planned()).request.seed for _ in range(5)]
    assert len(set(drawn)) > 1
    assert all(seed is not None and 0 <= seed < SEEDS for seed in drawn)
    assert (await planned(model="plain")).request.seed is None


async def test_a_larger_seed_is_taken_by_a_model_that_takes_one(monkeypatch):
    with pytest.raises(OutOfRange) as caught:
        await planned(seed=SEEDS)
    assert caught.value == OutOfRange(option="seed", asked=SEEDS, model="Full", takes=Span(low=0, high=SEEDS - 1))
    assert "0 to 2147483647" in explain(caught.value)
    wide = FakeProvider(models=[model("wide", FULL.having(max_seed=2**53))])
    monkeypatch.setitem(PROVIDERS, "rich", wide)
    assert (await planned(seed=2**53 - 1)).request.seed == 2**53 - 1


async def test_the_short_value_of_a_long_name_is_resolved(monkeypatch):
    long = "karras " * 20
    takes = FULL.having(schedulers=("other", long), qualities=(long,), styles=(long,))
    rich = FakeProvider(models=[model("other", PLAIN), model(long, takes)])
    monkeypatch.setitem(PROVIDERS, "rich", rich)
    short = choice_value(long)
    job = await planned(
        Settings(chain=("image",)), model=choice_value(long), scheduler=short, quality=short, style=short
    )
    assert job.model == long
    assert job.asked
    assert (job.asked.scheduler, job.request.quality, job.request.style) == (long,) * 3


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (2, 1), (3, 2), (4, 2)])
async def test_as_few_calls_as_the_model_allows(count, calls):
    assert (await planned(count=count)).calls == calls


@pytest.mark.parametrize(
    ("names", "keys", "configured", "chosen"),
    [
        ("popcord a b sketch", "b", None, "b"),
        ("popcord a b sketch", "a b", None, "a"),
        ("a popcord sketch", "", None, "popcord"),
        ("sketch x", "", None, "sketch"),
        ("popcord a sketch", "a", "sketch", "sketch"),
    ],
)
def test_the_bots_own_default(names, keys, configured, chosen):
    with_key, without = ProviderSettings(api_key=SecretStr("k")), ProviderSettings()
    providers = {name: FakeProvider(settings=with_key if name in keys.split() else without) for name in names.split()}
    assert default_provider(providers, configured) == chosen


SIDES = st.integers(1, 2048)
SIZES = st.builds(Size, SIDES, SIDES)
OFFERED = st.lists(SIZES, max_size=4, unique=True).map(tuple)


def pairs(of, kind):
    return st.tuples(of, of).map(lambda pair: kind(low=min(pair), high=max(pair)))


SPANS = st.none() | pairs(st.integers(0, 60), Span)
RANGES = pairs(st.integers(1, 2048), SizeRange).flatmap(
    lambda found: st.sampled_from([1, 8, 64]).map(lambda step: found.model_copy(update={"multiple": step}))
)
CAPABILITIES = st.builds(
    Capabilities,
    text_to_image=st.booleans(),
    image_to_image=st.booleans(),
    inpainting=st.booleans(),
    sizes=OFFERED,
    size_range=st.none() | RANGES,
    max_count=st.integers(1, 8),
    per_call=st.integers(1, 8),
    negative_prompt=st.booleans(),
    seed=st.booleans(),
    steps=SPANS,
    guidance_scale=SPANS,
    strength=SPANS,
    schedulers=st.sampled_from([(), ("DDIM",), ("DDIM", "Euler")]),
    qualities=st.sampled_from([(), ("low", "high")]),
    styles=st.sampled_from([(), ("ink",)]),
    transparent=st.booleans(),
    refiner=st.booleans(),
    safety_checker=st.booleans(),
)
UPLOADS = st.builds(Upload, url=st.none(), size=st.none() | SIZES)
NAMES = st.sampled_from([None, "m0", "M1", "m2", "nothing"])
REQUESTS = st.builds(
    ImageRequest,
    prompt=st.just("x"),
    negative_prompt=st.none() | st.just("y"),
    provider=st.sampled_from([None, None, "fake", "nobody"]),
    model=NAMES,
    size=st.none() | SIZES | st.just(Size(512, 512)),
    images=st.lists(UPLOADS, max_size=2).map(tuple),
    mask=st.none() | UPLOADS,
    strength=st.none() | st.integers(0, 60),
    count=st.integers(0, 8),
    seed=st.none() | st.integers(0, SEEDS - 1),
    steps=st.none() | st.integers(0, 60),
    guidance_scale=st.none() | st.integers(0, 60),
    scheduler=st.sampled_from([None, None, "DDIM", "x"]),
    quality=st.sampled_from([None, None, "low", "x"]),
    style=st.sampled_from([None, None, "ink", "x"]),
    transparent=st.sampled_from([None, None, True]),
    refiner=st.none() | st.booleans(),
    safety_checker=st.none() | st.booleans(),
    private=st.none() | st.booleans(),
)
CHOSEN = st.builds(
    Settings,
    provider=st.sampled_from([None, "fake", "nobody"]),
    model=NAMES,
    size=st.none() | SIZES,
    private=st.booleans(),
    safety_checker=st.booleans(),
    refiner=st.booleans(),
)


def options_not_taken(request: ImageRequest, takes: Capabilities) -> list[str]:
    """The options of a request that a model does not take, found without the planner's code."""
    fits = {
        "way": (takes.inpainting and bool(request.images))
        if request.mask
        else takes.image_to_image
        if request.images
        else takes.text_to_image,
        "count": 1 <= request.count <= takes.max_count,
        "negative_prompt": request.negative_prompt is None or takes.negative_prompt,
        "seed": (request.seed is not None) is takes.seed,
        "scheduler": request.scheduler is None or request.scheduler in takes.schedulers,
        "quality": request.quality is None or request.quality in takes.qualities,
        "style": request.style is None or request.style in takes.styles,
        "transparent": takes.transparent or not request.transparent,
        "refiner": (request.refiner is not None) is takes.refiner,
        "safety_checker": (request.safety_checker is not None) is takes.safety_checker,
        "size": takes.takes_size(request.size) if request.size else not takes.sizes,
    }
    for name in ("steps", "guidance_scale", "strength"):
        value, span = getattr(request, name), getattr(takes, name)
        fits[name] = value is None or (span is not None and span.low <= value <= span.high)
    return [name for name, fine in fits.items() if not fine]


@settings(max_examples=400, deadline=None)
@given(st.lists(CAPABILITIES, min_size=1, max_size=3), REQUESTS, CHOSEN)
async def test_a_plan_is_refused_or_can_be_drawn(offered, request, chosen):
    models = [model(f"m{n}", takes) for n, takes in enumerate(offered)]
    planner = Planner({"fake": FakeProvider(models=models)}, "fake")
    try:
        job = await planner.plan(request, chosen, ORIGIN)
    except NotPossible as error:
        assert explain(error)
        return
    takes = next(each for each in models if each.id == job.model).capabilities
    assert options_not_taken(job.request, takes) == []
    assert (job.calls - 1) * takes.per_call < request.count <= job.calls * takes.per_call
    kept = request.model_dump(exclude={"provider", "model", "refiner", "safety_checker"}, exclude_none=True)
    assert job.request.model_dump(include=set(kept), exclude_none=True) == kept
    assert {**ORIGIN.model_dump(), "private": job.private} == Origin(
        **job.model_dump(include=set(Origin.model_fields))
    ).model_dump()


@settings(max_examples=200)
@given(
    st.integers(1, 20),
    st.integers(1, 8),
    st.none() | st.integers(SEEDS - 5, SEEDS - 1) | st.integers(0, SEEDS - 1),
    st.sampled_from([0, SEEDS, 2**53 - SEEDS]),
)
def test_the_calls_together_make_the_requested_pictures(count, per_call, seed, block):
    calls = -(-count // per_call)
    seed = None if seed is None else block + seed
    job = make_job(calls=calls, request=ImageRequest(prompt="x", count=count, seed=seed))
    parts = [call_request(job.having(calls_done=done)) for done in range(calls)]
    assert sum(part.count for part in parts) == count
    assert all(1 <= part.count <= per_call for part in parts)
    if seed is None:
        assert {part.seed for part in parts} == {None}
    else:
        assert all(block <= (part.seed or 0) < block + SEEDS for part in parts)
        seeds = [((part.seed or 0) + n) % SEEDS for part in parts for n in range(part.count)]
        assert seeds[0] == seed % SEEDS
        assert len(set(seeds)) == count


@given(st.builds(Size, st.integers(1, 99999), st.integers(1, 99999)), st.sampled_from(["x", "X", "*", "\u00d7", " x "]))
def test_sizes_are_read_as_they_are_written(size, sign):
    assert Size.parse(str(size)) == size
    assert Size.parse(f" {size.width}{sign}{size.height} ") == size


@given(st.text())
def test_any_text_is_a_size_or_none(text):
    try:
        size = Size.parse(text)
    except ValueError:
        return
    assert min(size) > 0


@given(CAPABILITIES, SIZES)
def test_the_nearest_size_is_one_that_the_model_takes(takes, size):
    nearest = takes.nearest_size(size)
    if nearest is None:
        assert not takes.sizes
    else:
        assert takes.takes_size(nearest)
        assert nearest == size or not takes.takes_size(size)
