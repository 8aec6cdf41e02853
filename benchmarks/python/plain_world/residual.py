"""The residual block with its temporal convolutions, and the changes of resolution.

Axes: B clips, T frames, F = B * T, C channels, E embedding width.
"""

import torch
from torch import nn
from torch.nn import functional


class FrameDropout(nn.Dropout):
    """Dropout of [B C T H W] whose mask is drawn frame by frame, so that one seed gives both sides the same mask."""

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        kept = torch.empty(x.transpose(1, 2).shape, dtype=x.dtype).bernoulli_(1 - self.p)
        return x * kept.div_(1 - self.p).transpose(1, 2)


class TemporalConvLayer(nn.Module):
    """Normalisation, SiLU, dropout, causal convolution over time: [B C T H W] -> [B C T H W]."""

    def __init__(self, channels, options, first):
        super().__init__()
        self.norm = nn.GroupNorm(options["normGroups"], channels)
        self.dropout = nn.Identity() if first else FrameDropout(options["temporalConvDropout"])
        self.conv = nn.Conv3d(channels, channels, (3, 1, 1))

    def forward(self, x):
        x = self.dropout(functional.silu(self.norm(x)))
        return self.conv(functional.pad(x, (0, 0, 0, 0, 2, 0)))


class TemporalConvBlock(nn.Module):
    """Four temporal layers around which the input is added: [F C H W] -> [F C H W]."""

    def __init__(self, channels, options):
        super().__init__()
        self.layers = nn.ModuleList(TemporalConvLayer(channels, options, first=i == 0) for i in range(4))

    def forward(self, x, clips):
        frames, channels, height, width = x.shape
        video = x.view(clips, frames // clips, channels, height, width).transpose(1, 2)  # [B C T H W]
        for layer in self.layers:
            video = layer(video)
        return x + video.transpose(1, 2).reshape(frames, channels, height, width)


class ResidualBlock(nn.Module):
    """[F C H W] -> [F Co H W], conditioned on the embedding [F E] (after its SiLU)."""

    def __init__(self, in_channels, out_channels, options):
        super().__init__()
        self.norm1 = nn.GroupNorm(options["normGroups"], in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.embedding = nn.Linear(4 * options["modelChannels"], out_channels)
        self.norm2 = nn.GroupNorm(options["normGroups"], out_channels)
        self.dropout = nn.Dropout(options["dropout"])
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)
        self.temporal_conv = TemporalConvBlock(out_channels, options)

    def forward(self, x, embedding, clips):
        hidden = self.conv1(functional.silu(self.norm1(x)))
        hidden = hidden + self.embedding(embedding)[:, :, None, None]
        hidden = self.conv2(self.dropout(functional.silu(self.norm2(hidden))))
        return self.temporal_conv(self.skip(x) + hidden, clips)


class Downsample(nn.Module):
    """Half the resolution by a convolution of stride two."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x):
        return self.conv(x)


class Upsample(nn.Module):
    """Twice the resolution: nearest neighbour, then a convolution."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(functional.interpolate(x, scale_factor=2, mode="nearest"))
