#!/usr/bin/env python3
"""The PyTorch side of `vid2world bench`: one JSON request per line in, one JSON reply per line out.

Requests and replies are described in packages/cli/src/bench/protocol.ts; our side answers the same ones.
"""

import json
import platform
import sys

import torch

from plain_world.operators import time_operator
from plain_world.sampling import FrameSampler
from plain_world.session import Session


def process_memory():
    """Resident and peak resident size of this process in KiB."""
    with open("/proc/self/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return {"residentKiB": int(fields["VmRSS"].split()[0]), "peakKiB": int(fields["VmHWM"].split()[0])}


class Worker:
    def __init__(self):
        self.session = None
        self.loader = None
        self.metric = None
        self.sampler = None

    def hello(self, threads):
        torch.set_num_threads(threads)
        return {"runtime": f"Python {platform.python_version()}", "torch": torch.__version__}

    def operator(self, name, rounds):
        return {"times": time_operator(name, rounds)}

    def load(self, **request):
        self.session = None
        self.session = Session(**request)
        return {"parameters": sum(parameter.numel() for parameter in self.session.model.parameters())}

    def run(self, what, count):
        return self.session.repeat(what, count)

    def outputs(self, mode, seed, path):
        self.session.write_outputs(mode, seed, path)
        return {}

    def open_sampler(self, **request):
        self.sampler = FrameSampler(**request)
        return {}

    def frames(self, steps, count):
        return {**self.sampler.repeat(steps, count), "peakBytes": self.sampler.peak_bytes()}

    def frame_output(self, steps, path):
        self.sampler.write_frame(steps, path)
        return {}

    def make_data(self, **request):
        from plain_loader.make_data import make  # only these requests need h5py, PIL and torchvision

        make(**request)
        return {}

    def open_loader(self, domain, clips, frames, batch, workers, **_):
        from plain_loader.session import LoaderSession

        self.loader = None
        self.loader = LoaderSession(domain, clips, frames, batch, workers)
        return {"firstMilliseconds": self.loader.first_milliseconds, **self.loader.checksum()}

    def take_batches(self, count):
        return self.loader.take(count)

    def open_metric(self, **request):
        from plain_metrics.session import MetricSession  # needs torchvision

        self.metric = None
        self.metric = MetricSession(**request)
        with open("/proc/self/clear_refs", "w") as peak:
            peak.write("5")  # the peak starts again
        rest = process_memory()["residentKiB"]
        return {"values": self.metric.values(), "restKiB": rest}

    def run_metric(self, count):
        return self.metric.repeat(count)

    def memory(self):
        device = {"deviceBytes": torch.cuda.max_memory_allocated()} if torch.cuda.is_available() else {}
        return {**process_memory(), **device}


def main():
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        kind = request.pop("request")
        try:
            reply = getattr(worker, kind.replace("-", "_"))(**request)
        except Exception as error:  # whatever it is, the other side shows it
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
