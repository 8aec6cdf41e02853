#!/usr/bin/env python3
"""PSNR and SSIM of a clip's videos by scikit-image and by ffmpeg, beside which `vid2world evaluate` can be held.

Usage: check-image-metrics.py DIR    (DIR holds gt_video.mp4 and pred_video.mp4)   needs: pip install scikit-image; ffmpeg on the PATH
"""
import subprocess
import sys

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def frames(path: str) -> np.ndarray:
    """All frames, T H W 3, 0 to 1."""
    probe = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0"]
    width, height = map(int, subprocess.check_output([*probe, path], text=True).strip().split(","))
    decode = ["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    return np.frombuffer(subprocess.check_output(decode), np.uint8).reshape(-1, height, width, 3) / 255.0


folder = sys.argv[1]
truth, prediction = (f"{folder}/{name}_video.mp4" for name in ("gt", "pred"))
pairs = list(zip(frames(truth), frames(prediction), strict=True))
# The window of the published metric: Gaussian, sigma 1.5, 11 pixels, variances divided by N.
window = dict(data_range=1, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
print("scikit-image PSNR", np.mean([peak_signal_noise_ratio(a, b, data_range=1) for a, b in pairs]))
print("scikit-image SSIM", np.mean([structural_similarity(a, b, **window) for a, b in pairs]))
for name in ("psnr", "ssim"):
    graph = f"[0]format=gbrp[a];[1]format=gbrp[b];[a][b]{name}=stats_file=-"
    command = ["ffmpeg", "-v", "error", "-i", prediction, "-i", truth, "-lavfi", graph, "-f", "null", "-"]
    lines = subprocess.check_output(command, text=True).split("\n")
    key = "psnr_avg:" if name == "psnr" else "All:"
    values = [float(word[len(key):]) for line in lines for word in line.split() if word.startswith(key)]
    print(f"ffmpeg {name.upper()}", np.mean(values))
