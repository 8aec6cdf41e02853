"""An open loader: batches of clips in a given order, read by DataLoader's worker processes, and the time that they take."""

import os
import time
import zlib

import torch
from torch.utils.data import DataLoader, Dataset

from .clips import READERS


class Clips(Dataset):
    def __init__(self, domain, clips, frames):
        self.read, self.clips, self.frames = READERS[domain], clips, frames

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, index):
        path, start = self.clips[index]
        frames, actions = self.read(path, start, self.frames)
        return frames, torch.from_numpy(actions)


def processor_seconds(pids):
    """User and system time of these processes so far."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class LoaderSession:
    def __init__(self, domain, clips, frames, batch, workers):
        torch.set_num_threads(1)
        self.loader = DataLoader(
            Clips(domain, clips, frames), batch_size=batch, num_workers=workers, prefetch_factor=2
        )
        begun = time.perf_counter()
        self.batches = iter(self.loader)
        self.pids = [os.getpid(), *(worker.pid for worker in self.batches._workers)]
        self.first = next(self.batches)
        self.first_milliseconds = (time.perf_counter() - begun) * 1000

    def checksum(self):
        """Of the first batch's frames [B, T, H, W, 3] and actions."""
        frames, actions = self.first
        return {
            "frames": zlib.crc32(frames.permute(0, 1, 3, 4, 2).contiguous().numpy().tobytes()),
            "actions": float(actions.double().abs().sum()),
        }

    def take(self, count):
        begun, cpu = time.perf_counter(), processor_seconds(self.pids)
        frames = 0
        for _ in range(count):
            some, _ = next(self.batches)
            frames += some.shape[0] * some.shape[1]
        return {
            "frames": frames,
            "time": (time.perf_counter() - begun) * 1000,
            "cpuTime": (processor_seconds(self.pids) - cpu) * 1000,
        }
