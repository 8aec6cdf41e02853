"""One frame as published: DDIM over the whole window, guidance on the newest action, history noised once and kept.

Axes: B clips, T frames, C channels, A numbers per action, L context tokens, D context width.
"""

import math
import time

import torch

from .diffusion import noise_tables
from .session import snake_case
from .tensor_file import read_tensors, write_tensors
from .unet import UNet


class FrameSampler:
    """A loaded network, and the window that it continues: the tensors that packages/cli/src/bench/plain-frames.ts writes."""

    def __init__(self, model, diffusion, sampler, weights, inputs, device, dtype):
        self.device = torch.device(device)
        self.sampler = sampler
        self.tables = noise_tables(diffusion)
        self.model = UNet(model)
        self.model.load_state_dict({snake_case(name): x for name, x in read_tensors(weights).items()}, strict=True)
        self.model.to(getattr(torch, dtype)).to(self.device).eval()
        for module in self.model.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.to(memory_format=torch.channels_last)
        self.model.memory_format = torch.channels_last
        self.inputs = {name: x.to(self.device) for name, x in read_tensors(inputs).items()}
        given = self.inputs
        known = given["noisy"].shape[1]
        # Both branches as one batch; the second lacks the newest action.
        self.mask = torch.ones(2, known + 1, device=self.device)
        self.mask[1, -1] = 0
        self.actions = given["actions"].repeat(2, 1, 1)
        self.shown = given["first"].expand(-1, known + 1, -1, -1, -1)
        self.context = torch.cat([given["context"], given["plainContext"]]) if "context" in given else None

    def guided(self, x, timestep):
        """The guided output for the newest frame, x [1 1 C H W]."""
        window = torch.cat([torch.cat([self.inputs["noisy"], x], dim=1), self.shown], dim=2)
        levels = torch.full((2, window.shape[1]), self.sampler["historyLevel"], device=self.device)
        levels[:, -1] = timestep
        output = self.model(window.repeat(2, 1, 1, 1, 1), levels, self.actions, self.mask, self.context).float()
        wanted, plain = output.chunk(2)
        mixed = plain + self.sampler["guidanceScale"] * (wanted - plain)
        axes, share = (1, 2, 3, 4), self.sampler["guidanceRescale"]
        factor = wanted.std(axes, keepdim=True) / mixed.std(axes, keepdim=True)
        return (mixed * (share * factor + (1 - share)))[:, -1:]

    @torch.inference_mode()
    def frame(self, steps, eta):
        """Clean latents [1 1 C H W] of the next frame."""
        signals, _, scales = self.tables
        count = len(signals)
        timesteps = [round(count - i * count / steps) - 1 for i in range(steps)]
        x = self.inputs["start"]
        for t, following in zip(timesteps, timesteps[1:] + [None]):
            now = float(signals[t]) ** 2
            then = float(signals[0 if following is None else following]) ** 2
            clean = math.sqrt(now) * x - math.sqrt(1 - now) * self.guided(x, t)
            noise = (x - math.sqrt(now) * clean) / math.sqrt(1 - now)
            sigma = eta * math.sqrt(max(0, (1 - then) / (1 - now) * (1 - now / then)))
            clean = clean * (float(scales[t if following is None else following]) / float(scales[t]))
            x = math.sqrt(then) * clean + math.sqrt(max(0, 1 - then - sigma**2)) * noise
            if sigma > 0:
                x = x + sigma * torch.randn_like(x)
        return x

    def write_frame(self, steps, path):
        write_tensors(path, {"latent": self.frame(steps, 0).cpu()})

    def repeat(self, steps, count):
        """Seconds of each of `count` frames; the device is waited for at both ends of each."""
        times = []
        for _ in range(count):
            self.wait()
            begun = time.perf_counter()
            self.frame(steps, 1)
            self.wait()
            times.append(time.perf_counter() - begun)
        return {"seconds": times}

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def peak_bytes(self):
        return torch.cuda.max_memory_allocated() if self.device.type == "cuda" else None
