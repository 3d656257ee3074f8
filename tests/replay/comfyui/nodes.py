"""Workflows as the server checks them, and what it says of its nodes."""

from typing import Any, cast

from aiohttp import web

from tests.replay.server import Unexpected, expect

CHECKPOINTS = ["sd_xl_base_1.0.safetensors", "anime/Ünicode v2.ckpt"]
SAMPLERS, SCHEDULERS = ["euler", "dpmpp_2m"], ["normal", "karras"]
SIDE, ONE, LINK = range(16, 16385), range(1, 65), list
NODES: dict[str, dict[str, Any]] = {
    "CheckpointLoaderSimple": {"ckpt_name": CHECKPOINTS},
    "CLIPTextEncode": {"text": str, "clip": LINK},
    "EmptyLatentImage": {"width": SIDE, "height": SIDE, "batch_size": ONE},
    "LoadImage": {"image": str},
    "ImageScale": {
        "image": LINK,
        "width": SIDE,
        "height": SIDE,
        "crop": ["disabled", "center"],
        "upscale_method": ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"],
    },
    "ImageToMask": {"image": LINK, "channel": ["red", "green", "blue", "alpha"]},
    "SetLatentNoiseMask": {"samples": LINK, "mask": LINK},
    "VAEEncode": {"pixels": LINK, "vae": LINK},
    "RepeatLatentBatch": {"samples": LINK, "amount": ONE},
    "KSampler": {
        "seed": range(2**64),
        "steps": range(1, 10001),
        "cfg": float,
        "denoise": float,
        "sampler_name": SAMPLERS,
        "scheduler": SCHEDULERS,
        "model": LINK,
        "positive": LINK,
        "negative": LINK,
        "latent_image": LINK,
    },
    "VAEDecode": {"samples": LINK, "vae": LINK},
    "SaveImage": {"images": LINK, "filename_prefix": str},
    "PreviewImage": {"images": LINK},
    "OwnNode": {},
}
"""The inputs that each takes; `OwnNode` plays an extension, which takes anything."""


PASSED_OVER = {"easel"}
"""Of inputs that a node has not, the one that Easel may send: the server does not look at any of them."""


def check(nodes: dict[str, Any]) -> None:
    """As the server checks a workflow, but for values that it lists itself."""
    for id, node in nodes.items():
        expect(set(node) <= {"class_type", "inputs", "_meta"}, f"node {id} is none")
        kinds = NODES.get(node["class_type"])
        if kinds is None:
            raise Unexpected(f"no such node: {node['class_type']}")
        expect(
            not kinds or set(node["inputs"]) - PASSED_OVER == set(kinds),
            f"inputs that {node['class_type']} does not take",
        )
        for name, value in node["inputs"].items():
            kind = kinds.get(name, object)
            expect(isinstance(kind, list) or _fits(value, kind, nodes), f"{node['class_type']}.{name}: {value!r}")


def refused(nodes: dict[str, Any]) -> tuple[str, str, str] | None:
    """The first value that is not in the server's list."""
    for id, node in nodes.items():
        for name, kind in NODES[node["class_type"]].items():
            if isinstance(kind, list) and node["inputs"][name] not in kind:
                return id, name, node["inputs"][name]
    return None


def _fits(value: Any, kind: Any, nodes: dict[str, Any]) -> bool:
    if kind is LINK:
        id, output = cast("list[Any]", value) if isinstance(value, list) else ("", None)
        return id in nodes and type(output) is int
    if isinstance(kind, range):
        return type(value) is int and value in kind
    return type(value) in (int, float) if kind is float else isinstance(value, kind)


def refusing(id: str, name: str, value: str, case: str) -> web.Response:
    details = f"{name}: '{value}' not in {[*CHECKPOINTS, *SAMPLERS]}"
    if case == "old":
        return web.json_response(
            {"error": f"Invalid prompt: Value not in list. {details}", "node_errors": []}, status=400
        )
    told = {"type": "value_not_in_list", "message": "Value not in list", "details": details}
    nodes = {id: {"errors": [{**told, "extra_info": {"input_name": name}}], "class_type": "KSampler"}}
    message = "Prompt outputs failed validation"
    error = {"type": "prompt_outputs_failed_validation", "message": message, "details": ""}
    return web.json_response({"error": error, "node_errors": nodes}, status=400)


def all_infos() -> dict[str, Any]:
    """What each node takes and gives."""
    return {
        node: {
            "input": {"required": {name: [kind, {}] for name, kind in kinds.items() if isinstance(kind, list)}},
            "output": ["MODEL", "CLIP", "VAE"],
            "output_node": node in ("SaveImage", "PreviewImage"),
        }
        for node, kinds in NODES.items()
    }


def info(node: str, case: str) -> dict[str, Any]:
    """What a node takes, in the shape of old nodes or of new ones."""
    expect(node in ("CheckpointLoaderSimple", "KSampler"), f"asks for {node}")
    lists = {name: cast("list[str]", kind) for name, kind in NODES[node].items() if isinstance(kind, list)}
    if case == "new-nodes":
        return {"input": {"required": {name: ["COMBO", {"options": kind}] for name, kind in lists.items()}}}
    return {"input": {"required": {name: [kind, {"tooltip": "x"}] for name, kind in lists.items()}}, "name": node}


def text_of(nodes: dict[str, Any]) -> str:
    return next((node["inputs"]["text"] for node in nodes.values() if "text" in node["inputs"]), "")


def size_of(nodes: dict[str, Any]) -> tuple[int, int]:
    sizes = [
        (node["inputs"]["width"], node["inputs"]["height"]) for node in nodes.values() if "width" in node["inputs"]
    ]
    return (*sizes, (512, 512))[0]


def batch_of(nodes: dict[str, Any]) -> int:
    amounts = [node["inputs"].get("batch_size", node["inputs"].get("amount")) for node in nodes.values()]
    return next((amount for amount in amounts if amount), 1)
