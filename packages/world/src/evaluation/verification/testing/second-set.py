"""Records a second set of cases with other sizes and settings than the shared one: schedules, embeddings, convolutions, metrics.

Usage: python3 second-set.py DIRECTORY. Written from the format's and the method's description, with PyTorch and NumPy only.
"""
import json
import math
import struct
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

out = Path(sys.argv[1])
torch.manual_seed(7)


def save(path, tensors):
    kinds = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
    header, data = {}, b""
    for name in sorted(tensors):
        x = tensors[name].detach().contiguous()
        raw = x.numpy().tobytes()
        header[name] = {"dtype": kinds[x.dtype], "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def plain_list(values):
    return [float(v) if math.isfinite(v) else str(float(v)) for v in np.asarray(values, dtype=np.float64).ravel()]


def zero_terminal_snr(betas):
    roots = np.sqrt(np.cumprod(1 - betas))
    roots = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    bars = roots**2
    return 1 - np.concatenate([bars[:1], bars[1:] / bars[:-1]])


def timesteps(spacing, steps, total):
    if spacing == "uniform":
        return np.arange(0, total, total // steps) + 1
    if spacing == "uniform_trailing":
        return np.flip(np.round(np.arange(total, 0, -total / steps))).astype(np.int64) - 1
    return (np.linspace(0, np.sqrt(total * 0.8), steps) ** 2).astype(int) + 1


def tables(betas, scale):
    bars = np.cumprod(1 - betas)
    bars32 = bars.astype(np.float32)
    total = len(betas)
    ddim = {}
    for spacing in ("uniform", "uniform_trailing", "quad"):
        for steps in (1, 4, 7, 25, 33):
            for eta in (0, 0.5, 1):
                ts = timesteps(spacing, steps, total)
                name = f"{spacing}_{steps}_eta{eta}"
                if ts.max() >= total:
                    ddim[name] = {"error": "a timestep outside of the tables"}
                    continue
                alphas = bars32[ts].astype(np.float64)
                previous = np.concatenate([bars32[:1].astype(np.float64), alphas[:-1]])
                with np.errstate(invalid="ignore"):
                    sigmas = eta * np.sqrt((1 - previous) / (1 - alphas) * (1 - alphas / previous))
                ddim[name] = {
                    "timesteps": [int(t) for t in ts],
                    "alphas": plain_list(alphas),
                    "alphas_prev": plain_list(previous),
                    "sigmas": plain_list(sigmas),
                    "sqrt_one_minus_alphas": plain_list(np.sqrt(1 - alphas)),
                    "scale_arr": plain_list(scale[ts]),
                    "scale_arr_prev": plain_list(np.concatenate([scale[ts][:1], scale[ts][:-1]])),
                }
                if len(ts) > 1:
                    ddim[name]["history_timestep_iterator[-2]"] = int(ts[1])
    return {
        "betas_f64": plain_list(betas),
        "alphas_cumprod_f64": plain_list(bars),
        "alphas_cumprod_prev_f64": plain_list(np.append(1.0, bars[:-1])),
        "sqrt_alphas_cumprod_f32": plain_list(np.sqrt(bars).astype(np.float32)),
        "sqrt_one_minus_alphas_cumprod_f32": plain_list(np.sqrt(1 - bars).astype(np.float32)),
        "alphas_cumprod_f32": plain_list(bars32),
        "ddim": ddim,
    }


def schedule():
    given = {"linear_start": 0.0015, "linear_end": 0.0195, "base_scale": 0.4, "turning_step": 250, "num_timesteps": 1000}
    start, end = math.sqrt(given["linear_start"]), math.sqrt(given["linear_end"])
    betas = torch.linspace(start, end, given["num_timesteps"], dtype=torch.float64).numpy() ** 2
    ramp = np.linspace(1, given["base_scale"], given["turning_step"])
    scale = np.append(ramp, np.full(given["num_timesteps"], given["base_scale"]))[: given["num_timesteps"]].astype(np.float32)
    recorded = {"plain": tables(betas, scale), "zero_snr": tables(zero_terminal_snr(betas), scale)}
    (out / "schedule2.json").write_text(json.dumps({**given, **recorded, "scale_arr_f32": plain_list(scale)}))


def embeddings():
    tensors = {
        "t1": torch.tensor([0, 5, 998]),
        "t2": torch.randint(0, 1000, (3, 4)),
        "tf": torch.tensor([0.5, 1.25, 500.125]),
    }
    for key in ("1", "2", "f"):
        for width in (2, 7, 64, 129):
            half = width // 2
            frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
            angles = tensors[f"t{key}"].float()[..., None] * frequencies
            columns = [angles.cos(), angles.sin()] + ([torch.zeros_like(angles[..., :1])] if width % 2 else [])
            tensors[f"emb{key}_{width}"] = torch.cat(columns, -1)
    tensors["rep1"] = tensors["tf"][:, None].repeat(1, 3)
    tensors["PORT_anything"] = torch.zeros(1)
    save(out / "timestep_embedding.safetensors", tensors)
    (out / "timestep_embedding.json").write_text(json.dumps({"name": "timestep_embedding"}))


def convolutions():
    tensors = {"c1.x": torch.randn(1, 4, 11), "c2.x": torch.randn(3, 4, 6, 5), "c3t.x": torch.randn(1, 4, 4, 5, 3)}
    groups = {"c1": (5,), "c1d3": (3,), "c1d4": (5,), "c2": (5, 3), "c3": (3, 3, 5), "c3t": (1, 1, 1), "c3t5": (5, 1, 1), "c3th": (3, 5, 1)}
    run = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
    for group, kernel in groups.items():
        axes = len(kernel)
        if group == "c3th":
            tensors["c3th.x"] = torch.randn(2, 4, 2, 6, 4)
        x = tensors.get(f"{group}.x", tensors[{1: "c1.x", 2: "c2.x", 3: "c3t.x"}[axes]])
        weight, bias = torch.randn(3, 4, *kernel), torch.randn(3)
        dilation = [int(group[3:]) if group.startswith("c1d") else 1] + [1] * (axes - 1)
        past = (kernel[0] - 1) * dilation[0]
        padding = [p for size in reversed(kernel[1:]) for p in (size // 2, size // 2)]
        tensors[f"{group}.weight"], tensors[f"{group}.bias"] = weight, bias
        tensors[f"{group}.y"] = run[axes](F.pad(x, padding + [past, 0]), weight, bias, dilation=dilation)
        if group in ("c2", "c3t"):
            tensors[f"{group}.y_noncausal"] = run[axes](x, weight, bias, padding=[size // 2 for size in kernel])
    for name, shape in {"conv1d_5": (2, 3, 5), "conv2d_31": (4, 2, 3, 1), "conv3d_711": (2, 2, 7, 1, 1), "conv3d_333": (2, 3, 3, 3, 3)}.items():
        old = torch.randn(*shape)
        kernel = shape[2]
        masked = torch.zeros_like(old)
        masked[:, :, kernel // 2 :] = old[:, :, : kernel // 2 + 1]
        tensors[f"wt.{name}.in"], tensors[f"wt.{name}.shift"], tensors[f"wt.{name}.masked"] = old, old.clone(), masked
        if kernel == 3:
            w0, w1, w2 = old.unbind(2)
            tensors[f"wt.{name}.extrapolative"] = torch.stack([torch.zeros_like(w0), w0 - w2, w1 + 2 * w2], 2)
    save(out / "causal_conv.safetensors", tensors)
    (out / "causal_conv.json").write_text(json.dumps({"name": "causal_conv", "tolerance": {"abs": 1e-5}}))


def metrics():
    def root_trace(a, b):
        values, vectors = np.linalg.eigh(a)
        root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
        return np.sqrt(np.clip(np.linalg.eigvalsh(root @ b @ root), 0, None)).sum()

    tensors, frechet = {}, {}
    for name, (n, m, d) in {"wide": (12, 20, 30), "tall": (90, 70, 5), "shifted": (40, 40, 8)}.items():
        a, b = torch.randn(n, d), torch.randn(m, d) * 1.5 + (3 if name == "shifted" else 0)
        tensors[f"frechet.{name}.a"], tensors[f"frechet.{name}.b"] = a, b
        x, y = a.double().numpy(), b.double().numpy()
        cx, cy = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
        distance = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(cx) + np.trace(cy) - 2 * root_trace(cx, cy)
        frechet[name] = {"n": [n, m], "d": d, "eigen_exact": float(distance)}
    pred, gt = torch.rand(3, 3, 17, 23) * 2 - 1, torch.rand(3, 3, 17, 23) * 2 - 1
    gt[1] = pred[1]
    x, y = (pred.double() + 1) / 2, (gt.double() + 1) / 2
    window = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    window = window / window.sum()
    kernel = (window[:, None] * window[None])[None, None].repeat(3, 1, 1, 1)
    smooth = lambda z: F.conv2d(z, kernel, groups=3)
    mx, my = smooth(x), smooth(y)
    vx, vy, cxy = smooth(x * x) - mx**2, smooth(y * y) - my**2, smooth(x * y) - mx * my
    cs = (2 * cxy + 0.03**2) / (vx + vy + 0.03**2)
    ss = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2) * cs
    mse = ((pred - gt).double() ** 2).mean((1, 2, 3))
    psnr = 10 * torch.log10(1 / (((x - y) ** 2).mean((1, 2, 3)) + 1e-8))
    tensors |= {
        "in.pred": pred, "in.gt": gt, "out.mse_per_image": mse.float(), "out.psnr": psnr.float(),
        "out.ssim": ss.mean((1, 2, 3)).float(), "out.ssim_per_channel": ss.mean((2, 3)).float(),
        "out.cs_per_channel": cs.mean((2, 3)).float(), "out.gauss_kernel_11": window.float(),
    }  # fmt: skip
    tensors["resize.in"] = torch.randn(1, 2, 9, 14)
    for size in ((18, 7), (5, 31)):
        resized = F.interpolate(tensors["resize.in"], size=size, mode="bilinear", align_corners=False)
        tensors[f"resize.out_{size[0]}x{size[1]}"] = resized
    save(out / "metrics.safetensors", tensors)
    summary = {"mse": float(mse.mean()), "psnr": float(psnr.mean()), "ssim": float(ss.mean())}
    (out / "metrics.json").write_text(json.dumps({"name": "metrics", "frechet": frechet, "summary": summary}))


schedule()
embeddings()
convolutions()
metrics()
