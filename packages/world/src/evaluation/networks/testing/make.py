# Records what torchvision's networks give with counted weights (counted-weights.ts): run it with a Python that has torch and torchvision,
#   PYTHONPATH=... python make.py > fixtures/recorded.json
# Versions used for the committed file are in its "versions".
import json
import math
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[6] / "benchmarks/python"))
from plain_metrics.networks import LPIPS_SCALE, LPIPS_SHIFT, LPIPS_TAPS, features, fid_inception, lpips  # noqa: E402


def uniform(order, count):
    i = np.arange(1, count + 1, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    h = (i * np.uint64(0x9E3779B1) & mask) ^ (np.uint64((order + 1) * 0x85EBCA6B & 0xFFFFFFFF))
    h = ((h ^ (h >> np.uint64(15))) * np.uint64(0x2C1B3C6D)) & mask
    h = h ^ (h >> np.uint64(12))
    return ((h >> np.uint64(8)).astype(np.float64) - 2**23) / 2**23


def span(key, shape):
    if key.endswith("running_var"):
        return 0.5, 1.0
    if len(shape) == 1:
        return (0.5, 1.0) if key.endswith("weight") else (0.125, 0.0)
    if key.startswith("lin"):
        return 0.5, 0.5
    fan_in = math.prod(shape[1:])
    return 2.0 ** math.floor(math.log2(math.sqrt(6 / fan_in)) + 0.5), 0.0


def counted(keys, shapes):
    state = {}
    for order, key in enumerate(keys):
        scale, offset = span(key, shapes[key])
        values = uniform(order, math.prod(shapes[key])) * scale + offset
        state[key] = torch.from_numpy(values.astype(np.float32)).reshape(shapes[key])
    return state


def pictures(order, shape):
    return torch.from_numpy(uniform(order, math.prod(shape)).astype(np.float32)).reshape(shape)


def fill(model, order_of_keys):
    own = {k: v.shape for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    keys = [k for k in order_of_keys if k in own]
    model.load_state_dict(counted(keys, own), strict=False)
    return model.eval()


def inception(orders):
    model = fill(fid_inception(), orders["inception"])
    x = F.interpolate(pictures(7, [2, 3, 48, 64]), size=(299, 299), mode="bilinear", align_corners=False)
    return model(x)


def transformer(form, state, x):
    width, heads, eps, patch = form["width"], form["heads"], form["epsilon"], form["patch"]

    def norm(x, key):
        return F.layer_norm(x, [width], state[f"{key}.weight"], state[f"{key}.bias"], eps)

    def project(x, key):
        return F.linear(x, state[f"{key}.weight"], state[f"{key}.bias"])

    act = F.gelu if form["gelu"] == "exact" else (lambda x: x * torch.sigmoid(1.702 * x))
    x = F.conv2d(x, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=patch).flatten(2).transpose(1, 2)
    x = torch.cat([state["cls_token"].expand(x.shape[0], -1, -1), x], 1) + state["pos_embed"]
    if form["inputNorm"]:
        x = norm(x, "pos_drop")
    for i in range(form["layers"]):
        attention = torch.nn.MultiheadAttention(width, heads, batch_first=True)
        attention.load_state_dict(
            {
                "in_proj_weight": state[f"blocks.{i}.attn.qkv.weight"],
                "in_proj_bias": state[f"blocks.{i}.attn.qkv.bias"],
                "out_proj.weight": state[f"blocks.{i}.attn.proj.weight"],
                "out_proj.bias": state[f"blocks.{i}.attn.proj.bias"],
            }
        )
        y = norm(x, f"blocks.{i}.norm1")
        x = x + attention(y, y, y, need_weights=False)[0]
        x = x + project(act(project(norm(x, f"blocks.{i}.norm2"), f"blocks.{i}.mlp.fc1")), f"blocks.{i}.mlp.fc2")
    return {"lastBlock": x[:, 0], "normalised": norm(x, "norm")[:, 0]}


def state_of(form):
    shapes = {k: tuple(v) for k, v in form["shapes"].items()}
    return counted(list(shapes), shapes)


def vit(orders):
    out = {}
    for name, form in orders["transformers"].items():
        tokens = transformer(form, state_of(form), pictures(9, [2, 3, form["imageSize"], form["imageSize"]]))
        out[name] = {place: token.flatten().tolist() for place, token in tokens.items()}
    return out


# Two branches, a low-rank change of every qkv matrix, DreamSim's normalisation and distance.
def dreamsim(orders):
    forms, adapter = orders["transformers"], orders["adapter"]
    changes = counted(list(adapter["shapes"]), {k: tuple(v) for k, v in adapter["shapes"].items()})
    side = forms["dino"]["imageSize"]
    x = ((pictures(11, [2, side, side, 3]) + 1) * 127.5).floor().permute(0, 3, 1, 2) / 255
    embeddings = []
    for index, (name, place, mean, std) in enumerate(
        [
            ("dino", "lastBlock", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ("clip", "normalised", (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        ]
    ):
        form = forms[name]
        state = state_of(form)
        for i in range(form["layers"]):
            key = f"base_model.model.extractor_list.{index}.model.blocks.{i}.attn.qkv.lora_"
            change = changes[f"{key}B.weight"] @ changes[f"{key}A.weight"]
            state[f"blocks.{i}.attn.qkv.weight"] += adapter["alpha"] / adapter["rank"] * change
        token = transformer(form, state, (x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1))[place]
        if name == "clip":
            shapes = {**{k: tuple(v) for k, v in form["shapes"].items()}, "proj": (form["width"], adapter["projected"])}
            token = token @ counted(list(shapes), shapes)["proj"]
        embeddings.append(token)
    joined = torch.cat(embeddings, 1)
    centred = joined - joined.mean(1, keepdim=True)
    unit = centred / centred.norm(dim=1, keepdim=True)
    return {"embeddings": unit.flatten().tolist(), "distance": (1 - F.cosine_similarity(unit[:1], unit[1:])).tolist()}


@torch.no_grad()
def main():
    torch.set_num_threads(2)
    orders = json.load(sys.stdin)  # the order of the keys, from network-keys.ts
    result = {"versions": {"torch": torch.__version__, "torchvision": torchvision.__version__}}
    for name, build, widths in [
        ("vgg", torchvision.models.vgg16, (64, 128, 256, 512, 512)),
        ("alex", torchvision.models.alexnet, (64, 192, 384, 256, 256)),
    ]:
        model = fill(build(weights=None), orders[name])
        shapes = {f"lin{i}.model.1.weight": (1, width, 1, 1) for i, width in enumerate(widths)}
        heads = list(counted(list(shapes), shapes).values())
        x = torch.cat([pictures(5, [2, 3, 70, 80]), pictures(6, [2, 3, 70, 80])])
        taps = features(model, LPIPS_TAPS[name], (x - LPIPS_SHIFT) / LPIPS_SCALE)
        result[name] = {"taps": [[t.double().mean().item(), t.double().std().item()] for t in taps], "lpips": lpips(taps, 2, heads).tolist()}
    pooled = inception(orders)
    result["inception"] = {"features": [round(v, 9) for v in pooled[:, ::8].flatten().tolist()]}
    result["transformers"] = vit(orders)
    result["dreamsim"] = dreamsim(orders)
    json.dump(result, sys.stdout)


main()
