"""A loaded network: what the benchmark asks it to do."""

import functools
import re
import time

import torch
from torch.utils.checkpoint import checkpoint

from .attention import SpatialTransformer, TemporalTransformer
from .diffusion import diffusion_loss, noise_tables
from .residual import ResidualBlock
from .tensor_file import read_tensors, write_tensors
from .unet import UNet

FLOATS = {"float32": torch.float32, "float64": torch.float64}


def snake_case(name):
    """inputBlocks.0.temporalConv.weight -> input_blocks.0.temporal_conv.weight"""
    return re.sub("[A-Z]", lambda match: "_" + match[0].lower(), name)


def recompute(model, policy):
    """Computes the blocks of a policy of `model.checkpointing` again in the backward pass, instead of keeping what they had."""
    attention, residual = (SpatialTransformer, TemporalTransformer), (ResidualBlock,)
    kinds = {"none": (), "attention": attention, "residual": residual, "all": attention + residual}[policy]
    for module in model.modules():
        if isinstance(module, kinds):
            module.forward = functools.partial(checkpoint, module.forward, use_reentrant=False)


def normalise_in_float32(model):
    """As autocast does on a GPU; on the CPU not every version does."""
    for module in model.modules():
        if isinstance(module, (torch.nn.GroupNorm, torch.nn.LayerNorm)):
            module.forward = lambda x, forward=module.forward: forward(x.float())


class Session:
    def __init__(self, model, diffusion, training, weights, inputs, dtype, layout, ranks=None, placement=None):
        torch.set_num_threads(training["threads"])
        kind = FLOATS[dtype]
        self.training = training
        self.tables = noise_tables(diffusion)
        self.previous_frame = diffusion["imageCondition"] == "previous-frame"
        tensors = read_tensors(weights)
        self.names = {snake_case(name): name for name in tensors}
        self.model = UNet(model)
        self.model.load_state_dict({snake_case(name): tensor for name, tensor in tensors.items()}, strict=True)
        place = placement or {"device": "cpu", "precision": "float32"}
        self.device = torch.device(place["device"])
        self.autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=place["precision"] == "bfloat16")
        if place["precision"] != "float32":
            normalise_in_float32(self.model)
        recompute(self.model, model.get("checkpointing", "none"))
        self.model.to(kind).to(self.device)
        if layout == "channelsLast":
            for module in self.model.modules():
                if isinstance(module, torch.nn.Conv2d):
                    module.to(memory_format=torch.channels_last)
                elif isinstance(module, torch.nn.Conv3d):
                    module.to(memory_format=torch.channels_last_3d)
            self.model.memory_format = torch.channels_last
        given = {name: x.to(kind) if x.is_floating_point() else x for name, x in read_tensors(inputs).items()}
        self.batch = {name: x.to(self.device) for name, x in given.items()}
        self.tables = tuple(table.to(self.device) for table in self.tables)
        # The fastest that PyTorch has for the device.
        fused = {"fused": True} if self.device.type == "cuda" else {"foreach": True}
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=training["learningRate"],
            betas=tuple(training["betas"]),
            eps=training["eps"],
            weight_decay=training["weightDecay"],
            **fused,
        )
        self.network = self.model
        if ranks is not None:
            meeting = f"tcp://127.0.0.1:{ranks['port']}"
            torch.distributed.init_process_group("gloo", meeting, rank=ranks["rank"], world_size=ranks["count"])
            self.network = torch.nn.parallel.DistributedDataParallel(self.model)

    def forward(self):
        """One evaluation of a whole window, as for sampling."""
        self.model.eval()
        batch = self.batch
        with torch.inference_mode():
            x = torch.cat([batch["noise"], batch["latents"]], dim=2)
            self.model(x, batch["levels"], batch["actions"], batch["mask"]).float()

    def train_step(self):
        self.model.train()
        with self.autocast:
            loss, _ = diffusion_loss(self.network, self.tables, self.batch, self.previous_frame)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.training["gradientClip"])
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def repeat(self, what, count):
        """Milliseconds of each of `count` runs: by the clock, and of this process's processor time."""
        action = {"forward": self.forward, "train-step": self.train_step}[what]
        times, cpu_times = [], []
        for _ in range(count):
            begun, cpu_begun = time.perf_counter_ns(), time.process_time_ns()
            action()
            times.append((time.perf_counter_ns() - begun) / 1e6)
            cpu_times.append((time.process_time_ns() - cpu_begun) / 1e6)
        return {"times": times, "cpuTimes": cpu_times}

    def write_outputs(self, mode, seed, path):
        """Output, loss, all gradients, and the weights after one clipped AdamW step."""
        self.model.train(mode == "train")
        torch.manual_seed(seed)
        loss, output = diffusion_loss(self.model, self.tables, self.batch, self.previous_frame)
        loss.backward()
        found = {"output": output, "loss": loss}
        for name, parameter in self.model.named_parameters():
            found[f"gradient.{self.names[name]}"] = parameter.grad.clone()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.training["gradientClip"])
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        for name, parameter in self.model.named_parameters():
            found[f"updated.{self.names[name]}"] = parameter
        write_tensors(path, found)
