"""Clips of RT-1, CS:GO and RECON in their files: uint8 frames [T, 3, 320, 512] letterboxed as published, float32 actions [T, A]."""

import pickle

import h5py
import numpy as np
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import functional as F

SIZE = (320, 512)


def rt1(path, start, frames):
    with np.load(path) as data:
        images = torch.from_numpy(data["image"][start : start + frames])
        actions = data["action"][start : start + frames].astype(np.float32)
    x = F.resize(images.permute(0, 3, 1, 2).float().contiguous(), 320, antialias=False)
    return F.center_crop(x.round().to(torch.uint8), SIZE), actions


def csgo(path, start, frames):
    with h5py.File(path, "r") as file:
        images = [torch.from_numpy(file[f"frame_{i}_x"][:]).flip(2).permute(2, 0, 1) for i in range(start, start + frames)]
        actions = np.stack([file[f"frame_{i}_y"][:] for i in range(start, start + frames)]).astype(np.float32)
    return F.center_crop(F.resize(torch.stack(images), (275, 512), antialias=False), SIZE), actions


prepare = transforms.Compose([transforms.Resize((320, 320)), transforms.PILToTensor()])


def recon(path, start, frames):
    with open(f"{path}/traj_data.pkl", "rb") as file:
        data = pickle.load(file)
    position, yaw = np.asarray(data["position"], float), np.asarray(data["yaw"], float).reshape(-1)
    pictures = []
    for i in range(start, start + frames):
        with Image.open(f"{path}/{i}.jpg") as picture:
            pictures.append(prepare(picture))
    return F.center_crop(torch.stack(pictures), SIZE), recon_actions(position, yaw, start, frames)


def recon_actions(position, yaw, start, frames):
    actions = np.zeros((frames, 3))
    for t in range(frames):
        i = start + t
        if i + 1 < len(yaw):
            c, s = np.cos(yaw[i]), np.sin(yaw[i])
            forward, left = (position[i + 1] - position[i]) @ np.array([[c, -s], [s, c]]) / 0.25
            turn = yaw[i + 1] - yaw[i]
            actions[t] = forward, left, turn - 2 * np.pi * np.floor((turn + np.pi) / (2 * np.pi))
    low, high = np.array([-2.5, -4.0]), np.array([5.0, 4.0])
    actions[:, :2] = (actions[:, :2] - low) / (high - low) * 2 - 1
    return actions.astype(np.float32)


READERS = {"rt1": rt1, "csgo": csgo, "recon": recon}
