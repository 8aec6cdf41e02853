"""The training loss: zero terminal SNR, dynamic rescale, one noise level per frame, v target, the first or the previous frame as condition.

Axes: B clips, T frames, C channels, A numbers per action.
"""

import numpy
import torch


def noise_tables(config):
    """Per timestep: factor of the signal, factor of the noise, dynamic rescale of the clean latents."""
    steps = config["numTimesteps"]
    betas = numpy.linspace(config["linearStart"] ** 0.5, config["linearEnd"] ** 0.5, steps, dtype=numpy.float64) ** 2
    signal = numpy.cumprod(1 - betas) ** 0.5
    if config["zeroTerminalSnr"]:
        # The last timestep keeps nothing, the first keeps its value (arXiv:2305.08891 algorithm 1).
        signal = (signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])
    ramp = numpy.linspace(1, config["baseScale"], config["turningStep"])[:steps]
    scale = numpy.concatenate([ramp, numpy.full(steps - len(ramp), config["baseScale"])])
    tables = (signal, (1 - signal**2) ** 0.5, scale)
    return tuple(torch.from_numpy(table.astype(numpy.float32)) for table in tables)


def diffusion_loss(model, tables, batch, previous_frame):
    """Loss and output for given latents [B T C H W], actions [B T A], levels [B T], noise and action mask [B T]."""
    latents, levels, noise = batch["latents"], batch["levels"], batch["noise"]
    signal, sigma, scale = (table[levels][:, :, None, None, None] for table in tables)
    clean = latents * scale
    noisy = clean * signal + noise * sigma
    target = noise * signal - clean * sigma
    condition = torch.cat([latents[:, :1], latents[:, :-1]], dim=1) if previous_frame else latents[:, :1].expand_as(latents)
    # Entry t of a recording is the action taken at frame t; the network is told the one that led to frame t.
    shifted = torch.cat([torch.zeros_like(batch["actions"][:, :1]), batch["actions"][:, :-1]], dim=1)
    context = [batch["context"]] if "context" in batch else []
    output = model(torch.cat([noisy, condition], dim=2), levels, shifted, batch["mask"], *context).float()
    return (output - target).square().mean(), output
