"""The causal U-Net of the world model: the published one, and those without a text context (debug, doom).

Axes: B clips, T frames, F = B * T, C channels, A numbers per action, E embedding width.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from .attention import InitialAttention, SpatialTransformer, TemporalTransformer
from .residual import Downsample, ResidualBlock, Upsample


def timestep_embedding(timesteps, width):
    """[...] -> [... width]: cosines and sines of geometrically spaced frequencies, in float32."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32, device=timesteps.device) * (-math.log(10000) / half))
    angles = timesteps.float().unsqueeze(-1) * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class EmbeddingMlp(nn.Module):
    def __init__(self, in_width, out_width):
        super().__init__()
        self.first = nn.Linear(in_width, out_width)
        self.second = nn.Linear(out_width, out_width)

    def forward(self, x):
        return self.second(functional.silu(self.first(x)))


class ActionEncoder(nn.Module):
    """A perceptron on the action's numbers; a dropped action is zero after it."""

    def __init__(self, action_dim, hidden, width):
        super().__init__()
        widths = [action_dim, hidden, width, width]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))

    def forward(self, actions, mask):
        x = self.layers[0](actions)
        for layer in self.layers[1:]:
            x = layer(functional.silu(x))
        return x * mask.unsqueeze(-1)


class Block(nn.Module):
    """A block of the U-Net: the parts that it was given, in their fixed order."""

    def __init__(self, conv=None, residual=None, spatial=None, temporal=None, downsample=None, upsample=None):
        super().__init__()
        self.conv, self.residual, self.spatial = conv, residual, spatial
        self.temporal, self.downsample, self.upsample = temporal, downsample, upsample

    def forward(self, x, embedding, clips, context=None):
        x = x if self.conv is None else self.conv(x)
        x = x if self.residual is None else self.residual(x, embedding, clips)
        x = x if self.spatial is None else self.spatial(x, context)
        x = x if self.temporal is None else self.temporal(x, clips)
        x = x if self.downsample is None else self.downsample(x)
        return x if self.upsample is None else self.upsample(x)


class UNet(nn.Module):
    """Built from the same options, by the same names, as `UNet3D`."""

    def __init__(self, options):
        super().__init__()
        self.check(options)
        channels, multipliers = options["modelChannels"], options["channelMultipliers"]
        self.model_channels = channels
        self.memory_format = torch.contiguous_format
        self.time_embedding = EmbeddingMlp(channels, 4 * channels)
        self.options = options
        self.fps_embedding = EmbeddingMlp(channels, 4 * channels) if options["fpsCondition"] else None
        self.action_encoder = ActionEncoder(options["actionDim"], channels, 4 * channels)

        def attention(level, width):
            if 2**level not in options["attentionResolutions"]:
                return {}
            return {"spatial": SpatialTransformer(width, options), "temporal": TemporalTransformer(width, options)}

        width, skips = channels, [channels]
        self.input_blocks = nn.ModuleList([Block(conv=nn.Conv2d(options["inChannels"], channels, 3, padding=1))])
        self.initial_attention = InitialAttention(channels, options) if options["additionAttention"] else None
        for level, multiplier in enumerate(multipliers):
            for _ in range(options["numResBlocks"]):
                residual = ResidualBlock(width, multiplier * channels, options)
                width = multiplier * channels
                self.input_blocks.append(Block(residual=residual, **attention(level, width)))
                skips.append(width)
            if level < len(multipliers) - 1:
                self.input_blocks.append(Block(downsample=Downsample(width)))
                skips.append(width)

        first = Block(
            residual=ResidualBlock(width, width, options),
            spatial=SpatialTransformer(width, options),
            temporal=TemporalTransformer(width, options),
        )
        self.middle_blocks = nn.ModuleList([first, Block(residual=ResidualBlock(width, width, options))])

        self.output_blocks = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(multipliers))):
            for i in range(options["numResBlocks"] + 1):
                residual = ResidualBlock(width + skips.pop(), multiplier * channels, options)
                width = multiplier * channels
                upsample = Upsample(width) if level > 0 and i == options["numResBlocks"] else None
                self.output_blocks.append(Block(residual=residual, upsample=upsample, **attention(level, width)))

        self.output_norm = nn.GroupNorm(options["normGroups"], channels)
        self.output_conv = nn.Conv2d(channels, options["outChannels"], 3, padding=(0, 1))

    @staticmethod
    def check(options):
        wanted = {"causal": True, "temporalNorm": "window", "useLinear": True, "actionEncoder": "continuous"}
        wrong = [name for name, value in wanted.items() if options[name] != value]
        if wrong or options.get("actionDim") is None:
            raise ValueError(f"the PyTorch model has no form for these options: {wrong or 'actionDim'}")

    def split_context(self, context, clips, frames):
        """[B L D] -> text [F Lt D] and image [F Li D]: each frame's own image tokens where their number says so, else all of them."""
        text, image = context[:, : self.options["textTokens"]], context[:, self.options["textTokens"] :]
        own = image.shape[1] == frames * self.options["imageTokensPerFrame"]
        image = image.reshape(clips * frames, -1, image.shape[2]) if own else image.repeat_interleave(frames, dim=0)
        return text.repeat_interleave(frames, dim=0), image

    def forward(self, x, timesteps, actions, mask, context=None):
        """x [B T C H W], timesteps [B T], actions [B T A] (entry t led to frame t), mask [B T], context [B L D] -> [B T Co H W]"""
        clips, frames = x.shape[:2]
        kind = self.output_conv.weight.dtype
        embedding = self.time_embedding(timestep_embedding(timesteps, self.model_channels).to(kind))
        if self.fps_embedding is not None:
            fps = torch.full((clips,), self.options["defaultFps"], dtype=torch.float32, device=x.device)
            embedding = embedding + self.fps_embedding(timestep_embedding(fps, self.model_channels).to(kind)).unsqueeze(1)
        embedding = functional.silu((embedding + self.action_encoder(actions.to(kind), mask.to(kind))).flatten(0, 1))
        tokens = None if context is None else self.split_context(context.to(kind), clips, frames)
        x = x.flatten(0, 1).to(kind).contiguous(memory_format=self.memory_format)
        skips = []
        for i, block in enumerate(self.input_blocks):
            x = block(x, embedding, clips, tokens)
            x = self.initial_attention(x, clips) if i == 0 and self.initial_attention is not None else x
            skips.append(x)
        for block in self.middle_blocks:
            x = block(x, embedding, clips, tokens)
        for block in self.output_blocks:
            x = block(torch.cat([x, skips.pop()], dim=1), embedding, clips, tokens)
        # The published output convolution is causal along the image's height: two rows of zeros above, none below.
        x = functional.pad(functional.silu(self.output_norm(x)), (0, 0, 2, 0))
        return self.output_conv(x).unflatten(0, (clips, frames))
