# pyright: basic, reportAttributeAccessIssue=false
"""The host's settings are read, validated, refused in one sentence, and never printed."""

import re
from io import StringIO
from pathlib import Path

import pytest
import trustme
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from config import ConfigError, misspelt, read_config
from domain import Limits
from domain.network import Network, Proxy
from providers import REGISTRY
from providers.kit.base import Provider
from providers.kit.settings import ProviderSettings
from providers.kit.variables import Integer, Secret
from storage.dialects import is_shared
from tests.conftest import ROOT

TOKEN = "MTA4canary.GcanaR.y0canary0canary"
KEY = "ak_canary-9"
PROVIDERS = [kind.name for kind in REGISTRY if kind.name != "sketch"]
EXAMPLE = (ROOT / ".env.example").read_text()
SPELT_OUT = "\n".join(re.sub(r"^#(?=[A-Z_]+=)", "", line) for line in EXAMPLE.splitlines())


class Recording(dict):
    """Records which variables were read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, name, default=None):
        self.asked.add(name)
        return super().get(name, default)


def variables() -> set[str]:
    recording = Recording()
    read_config(recording)
    return recording.asked


def refusal(values: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(values)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_without_any_variable_everything_has_its_default():
    config = read_config({})
    assert config.discord_token is None
    assert config.discord_api_url is None
    assert config.network == Network()
    assert config.data_dir == Path("data").absolute()
    assert config.database_url.get_secret_value() == f"sqlite:///{Path('data').absolute()}/easel.db"
    assert config.default_provider is None
    assert (config.log_level, config.log_format, config.preview_providers) == ("INFO", "text", False)
    assert config.providers == {kind.name: kind.settings_type() for kind in REGISTRY}
    for own in config.providers.values():
        assert (own.api_key, own.base_url, own.concurrency) == (None, None, 4)
        assert (own.models, own.quality, own.link_hosts) == ((), None, ())
    assert not config.providers["aihorde"].enabled
    assert config.providers["sketch"].enabled
    assert config.providers["imagepipeline"].generation == 1
    comfyui = config.providers["comfyui"]
    assert (comfyui.workflow, comfyui.image_workflow, comfyui.mask_workflow) == (None, None, None)
    assert config.secrets() == []


def test_a_misspelt_variable_is_reported_with_the_right_name():
    names = ["OPENAI_API_KY", "QUEUE_PER_MEMBR", "GPU_BASE_URL", "OPENAI_API_KEY", "http_proxy", "PGPASSWORD"]
    known = read_config({"OPENAI_COMPATIBLE": "gpu"}).known
    assert misspelt(names, known) == [
        "OPENAI_API_KY is no setting; OPENAI_API_KEY is.",
        "QUEUE_PER_MEMBR is no setting; QUEUE_PER_MEMBER is.",
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("SPOOL_QUOTA", "SPOOL_QUOTA is no setting; SPOOL_QUOTA_MIB is."),
        ("METRICS", "METRICS is no setting; METRICS_PORT is."),
        ("OPENAI_KEY", "OPENAI_KEY is no setting; OPENAI_API_KEY is."),
        ("GPU_URL", "GPU_URL is no setting; GPU_BASE_URL is."),
        ("SKETCH_LINK_HOSTS", "SKETCH_LINK_HOSTS is no setting."),
        ("POPCORD_WORKFLOW", "POPCORD_WORKFLOW is no setting."),
        ("DISCORD_CLIENT_ID", "DISCORD_CLIENT_ID is no setting."),
        ("TOGETHER_API_KEY", "TOGETHER_API_KEY is no setting: OPENAI_COMPATIBLE does not name together."),
        ("TOGETHER_FACTS", ""),
        *((name, None) for name in ("LOG_DIR", "DATABASE_PASSWORD", "AWS_PROFILE", "DATA", "TZ", "COMPOSE_FILE")),
        *((name, None) for name in ("_", "", "API_KEY", "POSTGRES_PASSWORD", "GPU_PROFILE", "SPOOL_URL")),
    ],
)
def test_variables_that_are_not_read_are_reported(name, told):
    assert misspelt([name], read_config({"OPENAI_COMPATIBLE": "gpu"}).known) == ([told] if told else [])


class LedgerSettings(ProviderSettings):
    account_token: Secret | None = Field(default=None, description="A key under a name of its own.")
    paper: Integer = Field(default=90, ge=80, le=120, description="How heavy the cards are.")


class Ledger(Provider[LedgerSettings]):
    name = "ledger"


@pytest.fixture
def ledger(monkeypatch):
    """A new provider in the registry."""
    monkeypatch.setattr("providers.REGISTRY", (Ledger, *REGISTRY))


def test_what_a_provider_declares_is_read_checked_and_known(ledger):
    config = read_config({"LEDGER_PAPER": "100"})
    assert config.providers["ledger"] == LedgerSettings(paper=100)
    assert refusal({"LEDGER_PAPER": "121"}) == "LEDGER_PAPER is no number from 80 to 120."
    assert misspelt(["LEDGER_PAPR"], config.known) == ["LEDGER_PAPR is no setting; LEDGER_PAPER is."]


def test_a_key_under_any_name_is_a_secret(ledger):
    config = read_config({"LEDGER_ACCOUNT_TOKEN": "canary"})
    assert config.secrets() == ["canary"]
    assert "canary" not in f"{config!r} {config.model_dump_json()}"
    assert "canary" not in refusal({"LEDGER_ACCOUNT_TOKEN": "canary canary"})


def test_no_secret_is_logged_in_debug_mode(monkeypatch, caplog):
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    caplog.set_level("DEBUG")
    read_config({"DISCORD_TOKEN": TOKEN, "DATABASE_URL": "postgresql://easel:canary@db.test/easel"})
    assert "canary" not in caplog.text


def test_link_hosts_are_normalized():
    settings = read_config({"OPENAI_LINK_HOSTS": "b\u00fccher.lan, BILDER.lan:81"}).providers["openai"]
    assert settings.link_hosts == (("xn--bcher-kva.lan", None), ("bilder.lan", 81))


@pytest.mark.parametrize("value", ["http://images.lan", "images.lan, https://images.lan:9000/"])
def test_a_link_in_place_of_a_host_is_refused_with_the_right_form(value):
    assert refusal({"OPENAI_LINK_HOSTS": value}).endswith(" 192.168.1.20:9000, without http://.")
    assert "http" not in refusal({"OPENAI_LINK_HOSTS": "images.lan/a"})


def test_every_provider_has_its_variables():
    assert {kind.name for kind in REGISTRY} == set(read_config({}).providers)


@pytest.mark.parametrize("blank", ["", " ", "\t", None])
def test_a_blank_variable_is_unset(blank):
    assert read_config(dict.fromkeys(variables(), blank)) == read_config({})


def test_each_variable_is_read(tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "models.toml").write_text('[[bfl.models]]\nid = "flux-9"\n')
    values = {
        "HTTP_PROXY": "proxy:3128",
        "MODELS_FILE": str(tmp_path / "models.toml"),
        "HTTPS_PROXY": "http://me:canary%40word@proxy:3128/",
        "NO_PROXY": ".lan, 10.0.0.0/8",
        "CA_FILE": str(tmp_path / "ca.pem"),
        "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
        "DISCORD_TOKEN": TOKEN,
        "DISCORD_API_URL": "http://127.0.0.1:8080/api/v10/",
        "DATABASE_URL": "sqlite:////tmp/x.db",
        "DATA_DIR": "/srv/easel",
        "DEFAULT_PROVIDER": "popcord",
        "SPOOL_URL": "s3://bucket/easel",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "canary-secret",
        "AWS_SESSION_TOKEN": "canary-session",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
        "SHARD_COUNT": "8",
        "SHARD_IDS": "5, 0-2",
        "METRICS_PORT": "0.0.0.0:9090",
        "QUEUE_PER_MEMBER": "3",
        "QUEUE_PER_SERVER": "30",
        "SPOOL_QUOTA_MIB": "512",
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "JSON",
        "PREVIEW_PROVIDERS": "On",
        "SKETCH": "off",
        "IMAGEPIPELINE_GENERATION": "3",
        "OPENAI_PREVIEWS": "2",
        "APPYPIE_API": "pixazo",
        "AIHORDE": "on",
        "COMFYUI_WORKFLOW": "/srv/words.json",
        "COMFYUI_IMAGE_WORKFLOW": "/srv/image.json",
        "COMFYUI_MASK_WORKFLOW": "/srv/mask.json",
        "OPENAI_COMPATIBLE": "Together, gpu",
    }
    each = {
        "API_KEY": KEY,
        "BASE_URL": "https://h.test/v1//",
        "CONCURRENCY": "7",
        "MODELS": "a=A model, b",
        "QUALITY": "medium",
        "LINK_HOSTS": "Images.lan, 192.168.1.20:9000,[fd00::1]:80",
    }
    of_providers = {f"{name.upper()}_{what}": value for name in PROVIDERS for what, value in each.items()}
    assert values.keys() | of_providers.keys() == variables()
    config = read_config(values | of_providers)
    assert config.discord_token is not None
    assert config.discord_token.get_secret_value() == TOKEN
    assert config.discord_api_url == "http://127.0.0.1:8080/api/v10"
    assert config.database_url.get_secret_value() == "sqlite:////tmp/x.db"
    assert (config.data_dir, config.default_provider) == (Path("/srv/easel"), "popcord")
    assert (config.log_level, config.log_format, config.preview_providers) == ("DEBUG", "json", True)
    assert config.spool is not None
    assert (config.spool.url, config.spool.options["aws_region"].get_secret_value()) == (
        "s3://bucket/easel",
        "eu-central-1",
    )
    assert len(config.spool.options) == 5
    assert (config.shard_count, config.shard_ids, config.metrics_port) == (8, (0, 1, 2, 5), ("0.0.0.0", 9090))
    assert config.limits == Limits(per_member=3, per_server=30, uploads_mib=512)
    assert config.network.http == Proxy(url="http://proxy:3128")
    assert config.network.https == Proxy(url="http://proxy:3128", user="me", password=SecretStr("canary@word"))
    assert (config.network.no_proxy, config.network.ca_file) == ((".lan", "10.0.0.0/8"), tmp_path / "ca.pem")
    assert {"canary-secret", "canary-session", "canary@word", "canary%40word"} <= set(config.secrets())
    assert "canary@" not in repr(config)
    assert not config.providers["sketch"].enabled
    for name in PROVIDERS:
        own = config.providers[name]
        assert own.api_key is not None
        assert (own.api_key.get_secret_value(), own.base_url, own.concurrency) == (KEY, "https://h.test/v1", 7)
        assert own.link_hosts == (("images.lan", None), ("192.168.1.20", 9000), ("fd00::1", 80))
    pipeline = config.providers["imagepipeline"]
    assert (pipeline.models, pipeline.generation) == ((("a", "A model"), ("b", "b")), 3)


URLS = ["canary", "ftp://canary.test", "https://", "https://u:canary@h.test", "https://:canary@h.test",
        "https://h.test?key=canary", "https://h.test/#canary", "https://[canary", "https://h.test:canary"]  # fmt: skip
NUMBERS = ["0", "-1", "101", "4.0", "four", "٤", "1e1", "9" * 5000]
BAD = {
    "DISCORD_TOKEN": ["canary", "canary.canary", "a.b.canary", "canary canary.canary.canary", "cànary.canary.canary"],
    "POPCORD_API_KEY": ["canary canary", "cänary", "canary\u200b"],
    "DISCORD_API_URL": URLS,
    "NEBULABLOCK_BASE_URL": URLS,
    "DATABASE_URL": ["canary", "mysql://u:canary@h/db", "sqlite:canary.db", "://canary"],
    "APPYPIE_CONCURRENCY": NUMBERS,
    "BFL_CONCURRENCY": ["25"],
    "OPENAI_LINK_HOSTS": [
        *("http://canary", "canary/x", "user@canary", "canary.lan:99999", "canary.lan:x", "a,canary lan", "*", "*.lan"),
        *("canary?x", "canary#x", "fd00::1", ":80", "[canary"),
    ],
    "LOG_LEVEL": ["canary", "20"],
    "LOG_FORMAT": ["canary"],
    "SPOOL_URL": ["canary", "s3://", "s3:///", "https://canary.test"],
    "SHARD_COUNT": ["0", "canary"],
    "SHARD_IDS": ["canary", "0,canary", "0", "-", "1-"],
    "METRICS_PORT": ["canary", "0", "65536", "127.0.0.1:", ":canary"],
    "QUEUE_PER_MEMBER": ["0", "canary"],
    "QUEUE_PER_SERVER": ["0", "canary"],
    "SPOOL_QUOTA_MIB": ["0", "127", "canary"],
    "SKETCH": ["canary", "true", "1"],
    "HTTPS_PROXY": ["socks5://canary:1", "http://", "http://proxy:canary", "http://u%3A:canary@h", "http://h/canary"],
    "CA_FILE": ["/nowhere/canary.pem", "."],
    "PREVIEW_PROVIDERS": ["canary"],
    "IMAGEPIPELINE_MODELS": ["=canary", "a=A,=canary", " = "],
    "IMAGEPIPELINE_GENERATION": ["2", "canary"],
    "APPYPIE_API": ["canary"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_in_one_sentence_without_it(name, value):
    sentence = refusal({name: value})
    assert sentence.startswith(f"{name} ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "nary" not in sentence


@given(st.text())
def test_any_list_of_models_is_read_or_refused(text):
    try:
        models = read_config({"IMAGEPIPELINE_MODELS": text}).providers["imagepipeline"].models
    except ConfigError as error:
        assert "IMAGEPIPELINE_MODELS" in str(error)
    else:
        assert all(id == id.strip() != "" and title == title.strip() != "" for id, title in models)
        assert len(models) <= text.count(",") + 1


@given(st.dictionaries(st.sampled_from(sorted(variables())), st.text()))
def test_any_values_are_read_or_refused(values):
    try:
        read_config(values)
    except ConfigError as error:
        assert any(name in str(error) for name in values)


def test_no_secret_is_shown_and_all_are_known():
    keys = {f"{name.upper()}_API_KEY": f"{KEY}-{name}" for name in PROVIDERS}
    config = read_config({"DISCORD_TOKEN": TOKEN, **keys, "DATABASE_URL": "sqlite:///canary.db"})
    assert "canary" not in f"{config!r} {config} {config.providers!r} {config.model_dump_json()}"
    assert set(config.secrets()) == {TOKEN, *keys.values()}


def test_the_example_can_be_copied_as_it_is():
    config = read_config(dotenv_values(stream=StringIO(EXAMPLE)))
    assert config.providers["popcord"].base_url is not None
    assert config == read_config({"POPCORD_BASE_URL": config.providers["popcord"].base_url, "AIHORDE": "on"})


def test_the_example_shows_each_default_as_it_is():
    shown = dotenv_values(stream=StringIO(SPELT_OUT))
    shown["AIHORDE"] = "off"  # the only one that the example switches on
    defaults = {name: value for name, value in shown.items() if not name.endswith("_URL")}
    assert read_config(defaults) == read_config({})
    read_config(shown)


def of_any(names) -> set[str]:
    """Variable names, with those that every provider has as one: the example shows them for one provider."""
    pattern = re.compile(
        rf"({'|'.join(PROVIDERS)})_(?=API_KEY|BASE_URL|CONCURRENCY|MODELS|QUALITY|LINK_HOSTS)", re.IGNORECASE
    )
    return {pattern.sub("ANY_", name) for name in names}


def test_the_example_has_exactly_the_variables_that_are_read():
    shown = set(dotenv_values(stream=StringIO(SPELT_OUT)))
    assert shown <= variables()
    assert of_any(shown) == of_any(variables())


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_postgresql_is_shared_and_its_password_a_secret(scheme):
    config = read_config({"DATABASE_URL": f"{scheme}://easel:canary%40word@db.test:5433/easel?sslmode=require"})
    assert config.database_url.get_secret_value().startswith("postgresql://easel:")
    assert is_shared(config.database_url.get_secret_value())
    assert config.secrets() == ["canary%40word"]
    assert "canary" not in repr(config)


@pytest.mark.parametrize("ids", ["3", "0-3", "2,3"])
def test_shards_beyond_the_count_are_refused(ids):
    assert refusal({"SHARD_COUNT": "3", "SHARD_IDS": ids}).startswith("SHARD_IDS needs a SHARD_COUNT")


@pytest.mark.parametrize(("values", "on"), [({}, False), ({"AIHORDE": "on"}, True), ({"AIHORDE": "off"}, False)])
def test_a_key_switches_the_horde_on_unless_it_is_off(values, on):
    assert read_config(values).providers["aihorde"].enabled is on
    with_key = read_config(values | {"AIHORDE_API_KEY": "mine"}).providers["aihorde"]
    assert with_key.enabled is (values.get("AIHORDE") != "off")
