# pyright: basic
"""Which modules may import which others."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter

import pytest

from tests.conftest import ROOT

FOLDERS = (
    "check",
    "config",
    "domain",
    "storage",
    "providers",
    "studio",
    "views",
    "cogs",
    "tools",
    "tests",
    "benchmarks",
)
MAY_IMPORT = {
    "domain": set(),
    "config": {"domain", "providers"},
    "logs": {"providers"},
    "event_loop": set(),
    "storage": {"domain"},
    "providers": {"domain"},
    "studio": {"domain", "storage", "providers"},
    "views": {"domain", "storage", "providers", "studio"},
    "cogs": {"domain", "storage", "providers", "studio", "views"},
    "preview": {"domain", "config", "providers", "views"},
    "health": {"domain", "storage", "studio"},
    "startup": {"config", "domain", "storage", "providers", "studio", "views"},
    "check": {"domain", "config", "logs", "providers", "startup", "storage", "tracing"},
    "tracing": {"views"},
    "syncing": {"storage", "views"},
    "clients": {"config", "storage", "studio", "views", "cogs", "syncing"},
    "tools": {"domain", "config", "providers"},
    "bot": {
        *("domain", "config", "logs", "event_loop", "storage", "providers", "studio", "views"),
        *("clients", "health", "startup", "check", "preview", "tracing"),
    },
}
"""The parts that each part may import, besides itself."""
USERS_OF_LIBRARY = {
    "discord": (
        *("bot.py", "clients.py", "syncing.py", "startup.py", "check/", "health.py", "preview.py"),
        *("cogs/", "views/"),
    ),
    "aiohttp": (
        *("bot.py", "clients.py", "syncing.py", "startup.py", "check/", "health.py", "tracing.py"),
        *("providers/", "views/delivery.py", "views/interactions.py"),
    ),
    "sqlalchemy": ("storage/",),
    "alembic": ("storage/",),
    "obstore": ("storage/",),
    "pgqueuer": ("studio/work/job_queue.py", "studio/work/queue_engine.py"),
    "simcord": ("preview.py",),
    "dotenv": ("config/",),
    "pydantic_settings": ("config/",),
}
"""The files that may import a library; tests may import all of them."""


PATHS = [*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
FILES = [path.relative_to(ROOT).as_posix() for path in PATHS]
PRODUCT = {
    name: ast.parse((ROOT / name).read_text(encoding="utf-8"))
    for name in FILES
    if not name.startswith(("tests/", "benchmarks/"))
}


def module(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {module(name): name for name in FILES}


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that a file imports, also inside functions; an imported name counts if it is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from {name if name in MODULES else str(node.module) for name in whole}


def home(name: str) -> str:
    return module(name).partition(".")[0]


def test_every_part_has_a_rule():
    assert {home(name) for name in PRODUCT} == set(MAY_IMPORT)


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_point_down(part):
    ours = {module.partition(".")[0] for module in MODULES}
    up = {
        f"{name} imports {target}"
        for name, tree in PRODUCT.items()
        if home(name) == part
        for target in imported(tree)
        if target.partition(".")[0] in ours - {part} - MAY_IMPORT[part]
    }
    assert up == set()


PACKAGES = {
    "providers.http": (),
    "providers.kit": ("providers.http",),
    "studio.images": (),
    "studio.intake": ("studio.images",),
    "studio.work": ("studio.images", "studio.intake"),
    "studio.handover": ("studio.images", "studio.work"),
}
"""The siblings that each package, or module, may import."""


@pytest.mark.parametrize("room", PACKAGES)
def test_rooms_know_only_those_below(room):
    others = {
        f"{name} imports {target}"
        for name, tree in PRODUCT.items()
        if f"{module(name)}.".startswith(f"{room}.")
        for target in imported(tree)
        for other in PACKAGES.keys() - {room, *PACKAGES[room]}
        if other.startswith(room.partition(".")[0]) and (target == other or target.startswith(f"{other}."))
    }
    assert others == set()


PUBLIC_STUDIO_MODULES = {
    *("studio.catalogue", "studio.intake.intake", "studio.job_control"),
    *("studio.display", "studio.intake.files", "studio.intake.pending"),
    *("studio.handover", "studio.images.upload_rules", "studio.images.uploads"),
}
"""The studio's public modules: catalogue, intake and job control, their types, and limits that sentences state."""


def test_views_and_cogs_import_only_the_studios_public_modules():
    inside = {
        f"{name} imports {target}"
        for name, tree in PRODUCT.items()
        if home(name) in ("views", "cogs")
        for target in imported(tree)
        if target.startswith("studio.") and target not in PUBLIC_STUDIO_MODULES
    }
    assert inside == set()


def test_the_domain_needs_pydantic_alone():
    targets = {
        each.partition(".")[0] for name, tree in PRODUCT.items() if home(name) == "domain" for each in imported(tree)
    }
    assert targets - sys.stdlib_module_names == {"domain", "pydantic"}


@pytest.mark.parametrize("library", USERS_OF_LIBRARY)
def test_a_library_is_imported_only_where_it_is_allowed(library):
    users = {name for name, tree in PRODUCT.items() if library in {each.partition(".")[0] for each in imported(tree)}}
    assert {name for name in users if not name.startswith(USERS_OF_LIBRARY[library])} == set()
    assert users, "not imported anywhere: remove it from the table and from requirements.txt"


def test_the_standard_librarys_base64_is_too_slow_for_pictures():
    assert [name for name, tree in PRODUCT.items() if "base64" in set(imported(tree))] == []


def touches(tree: ast.Module, *expressions: str) -> int:
    return sum(isinstance(node, ast.expr) and ast.unparse(node) in expressions for node in ast.walk(tree))


def test_the_environment_is_read_in_one_place():
    readers = {name for name, tree in PRODUCT.items() if touches(tree, "os.environ", "os.getenv", "environ", "getenv")}
    assert readers == {"bot.py", "preview.py"}
    screens = touches(PRODUCT["preview.py"], "os.environ.get('DISPLAY')", "os.environ.get('WAYLAND_DISPLAY')")
    assert touches(PRODUCT["preview.py"], "os.environ", "os.getenv") == screens


def test_the_config_is_read_by_the_entries_alone():
    readers = {name for name, tree in PRODUCT.items() if "config" in set(imported(tree))}
    at_run_time = {"check" if home(name) == "check" else name for name in readers if home(name) != "tools"}
    assert at_run_time == {"bot.py", "clients.py", "check", "startup.py", "preview.py"}


def test_files_do_not_import_each_other_in_a_circle():
    graph = {
        name: {MODULES[target] for target in imported(tree) if target in MODULES} - {name}
        for name, tree in PRODUCT.items()
    }
    graph["bot.py"] -= {"preview.py"}  # inside a function, and preview.py is handed the bot
    assert "bot.py" not in graph["preview.py"]
    TopologicalSorter(graph).prepare()


def test_nothing_works_at_import_time():
    """A module may define and compute, but not read, await or start anything."""
    opening = {"open", "run", "read_config", "read_text", "read_bytes", "ClientSession", "basicConfig", "print"}
    calls = {
        f"{name}: {ast.unparse(node)}"
        for name, tree in PRODUCT.items()
        for statement in tree.body
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr))
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in opening
    }
    assert calls == set()
