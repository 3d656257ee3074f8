# pyright: basic
"""Who may import whom, read from the files themselves."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter

import pytest

from tests.conftest import ROOT

FOLDERS = ("config", "domain", "storage", "providers", "studio", "views", "cogs", "tools", "tests", "benchmarks")
BELOW = {
    "domain": set(),
    "config": {"domain", "providers"},
    "logs": set(),
    "storage": {"domain"},
    "providers": {"domain"},
    "studio": {"domain", "storage", "providers"},
    "views": {"domain", "storage", "providers", "studio"},
    "cogs": {"domain", "storage", "providers", "studio", "views"},
    "preview": {"domain", "config", "providers"},
    "health": {"domain", "storage", "studio"},
    "startup": {"config", "storage", "providers", "studio"},
    "check": {"domain", "config", "providers", "startup", "tracing"},
    "tracing": {"views"},
    "syncing": {"storage", "startup"},
    "clients": {"config", "storage", "studio", "views", "cogs", "syncing"},
    "tools": {"domain", "config", "providers"},
    "bot": {
        *("domain", "config", "logs", "storage", "providers", "studio", "views"),
        *("clients", "health", "startup", "check", "preview", "tracing"),
    },
}
"""What each part of the house may import, besides itself."""
ONLY = {
    "discord": (
        *("bot.py", "clients.py", "syncing.py", "startup.py", "check.py", "health.py", "preview.py"),
        *("cogs/", "views/"),
    ),
    "aiohttp": (
        *("bot.py", "clients.py", "syncing.py", "startup.py", "check.py", "health.py", "tracing.py"),
        *("providers/", "views/delivery.py", "views/acknowledging.py"),
    ),
    "sqlalchemy": ("storage/",),
    "alembic": ("storage/",),
    "obstore": ("storage/",),
    "pgqueuer": ("studio/work/job_queue.py",),
    "simcord": ("preview.py",),
    "dotenv": ("config/",),
    "pydantic_settings": ("config/",),
}
"""Where a library is at home; tests may use all of them."""


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
    """Every module that a file imports, at whatever depth; a name from a module counts where it is a module too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import that does not say where from"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from {name if name in MODULES else str(node.module) for name in whole}


def home(name: str) -> str:
    return module(name).partition(".")[0]


def test_all_of_the_house_is_known():
    assert {home(name) for name in PRODUCT} == set(BELOW)


@pytest.mark.parametrize("part", BELOW)
def test_imports_point_down(part):
    ours = {module.partition(".")[0] for module in MODULES}
    up = {
        f"{name} imports {target}"
        for name, tree in PRODUCT.items()
        if home(name) == part
        for target in imported(tree)
        if target.partition(".")[0] in ours - {part} - BELOW[part]
    }
    assert up == set()


ROOMS = {
    "providers.http": (),
    "providers.kit": ("providers.http",),
    "studio.images": (),
    "studio.intake": ("studio.images",),
    "studio.work": ("studio.images", "studio.intake"),
    "studio.handing": ("studio.images", "studio.work"),
}
"""What each room may import of the others in its part of the house."""


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_know_only_those_below(room):
    others = {
        f"{name} imports {target}"
        for name, tree in PRODUCT.items()
        if module(name).startswith(f"{room}.")
        for target in imported(tree)
        for other in ROOMS.keys() - {room, *ROOMS[room]}
        if other.startswith(room.partition(".")[0]) and (target == other or target.startswith(f"{other}."))
    }
    assert others == set()


DOORS = {
    *("studio.catalogue", "studio.intake.intake", "studio.job_control"),
    *("studio.display", "studio.intake.files", "studio.intake.pending", "studio.work.provider_health"),
    *("studio.handing.handover", "studio.images.upload_rules", "studio.images.uploads"),
}
"""Who can draw, the way in, what becomes of jobs; the types that these speak in; and limits that members are told."""


def test_views_and_cogs_know_the_studio_by_its_doors():
    inside = {
        f"{name} imports {target}"
        for name, tree in PRODUCT.items()
        if home(name) in ("views", "cogs")
        for target in imported(tree)
        if target.startswith("studio.") and target not in DOORS
    }
    assert inside == set()


def test_the_domain_needs_pydantic_alone():
    targets = {
        each.partition(".")[0] for name, tree in PRODUCT.items() if home(name) == "domain" for each in imported(tree)
    }
    assert targets - sys.stdlib_module_names == {"domain", "pydantic"}


@pytest.mark.parametrize("library", ONLY)
def test_a_library_stays_at_home(library):
    users = {name for name, tree in PRODUCT.items() if library in {each.partition(".")[0] for each in imported(tree)}}
    assert {name for name in users if not name.startswith(ONLY[library])} == set()
    assert users, "nobody uses it: strike it from the table and from requirements.txt"


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
    at_run_time = {name for name in readers if home(name) != "tools"}
    assert at_run_time == {"bot.py", "clients.py", "check.py", "startup.py", "preview.py"}


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
