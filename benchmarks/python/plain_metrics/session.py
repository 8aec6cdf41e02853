"""A metric that was opened: what it gives, and the time that it takes."""

import time

import torch
import torch.nn.functional as F
import torchvision

from plain_metrics.networks import LPIPS_SCALE, LPIPS_SHIFT, LPIPS_TAPS, features, fid_inception, lpips
from plain_world.tensor_file import read_tensors


def mse(a, b):
    return (a - b).square().mean((1, 2, 3))


def psnr(a, b):
    return -10 * torch.log10(mse((a + 1) / 2, (b + 1) / 2) + 1e-8)


def ssim(a, b):
    """Windows of 11 pixels, as depthwise convolutions over the whole batch."""
    x, y = (a + 1) / 2, (b + 1) / 2
    window = torch.exp(-((torch.arange(11.0) - 5) ** 2) / (2 * 1.5**2))
    window = (window / window.sum()).expand(3, 1, 1, 11)

    def blur(z):
        return F.conv2d(F.conv2d(z, window, groups=3), window.transpose(2, 3), groups=3)

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * mx * my + c1) / (mx * mx + my * my + c1) * (2 * cov + c2) / (vx + vy + c2)).mean((1, 2, 3))


def frechet(a, b):
    """The usual formula: the trace of the root of the product of both covariances, from its eigenvalues."""
    a, b = a.double(), b.double()
    product = torch.cov(a.T) @ torch.cov(b.T)
    root = torch.linalg.eigvals(product).sqrt().real.sum()
    return ((a.mean(0) - b.mean(0)).square().sum() + torch.cov(a.T).trace() + torch.cov(b.T).trace() - 2 * root).view(1)


def load_lpips(trunk, files):
    model = {"vgg": torchvision.models.vgg16, "alex": torchvision.models.alexnet}[trunk](weights=None).eval()
    model.load_state_dict(read_tensors(files[0]), strict=False)
    model.classifier = None
    heads = [tensor for _, tensor in sorted(read_tensors(files[1]).items())]
    return lambda a, b: lpips(
        features(model, LPIPS_TAPS[trunk], (torch.cat([a, b]) - LPIPS_SHIFT) / LPIPS_SCALE), len(a), heads
    )


def load_inception(files):
    model = fid_inception().eval()
    model.load_state_dict(read_tensors(files[0]), strict=False)
    return lambda a, b: model(F.interpolate(a, size=(299, 299), mode="bilinear", align_corners=False)).mean(1)


class MetricSession:
    def __init__(self, metric, inputs, weights):
        tensors = read_tensors(inputs)
        self.inputs = tensors["a"], tensors["b"]
        if metric.startswith("lpips"):
            self.score = load_lpips(metric.split("-")[1], weights)
        elif metric == "inception":
            self.score = load_inception(weights)
        else:
            self.score = {"mse": mse, "psnr": psnr, "ssim": ssim, "frechet": frechet}[metric]

    @torch.no_grad()
    def values(self):
        return self.score(*self.inputs).tolist()

    def repeat(self, count):
        times, cpu_times = [], []
        for _ in range(count):
            begun, cpu_begun = time.perf_counter_ns(), time.process_time_ns()
            self.values()
            times.append((time.perf_counter_ns() - begun) / 1e6)
            cpu_times.append((time.process_time_ns() - cpu_begun) / 1e6)
        return {"times": times, "cpuTimes": cpu_times}
