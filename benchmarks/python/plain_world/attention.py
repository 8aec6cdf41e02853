"""Attention, feed-forward, and the transformers over space and over time.

Axes: B clips, T frames, F = B * T, C channels, N tokens, H x W positions.
"""

import torch
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self attention over the second axis of [X N C]; causal: token i sees tokens 0..i."""

    def __init__(self, width, head_channels, causal=False):
        super().__init__()
        self.head_channels = head_channels
        self.causal = causal
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.output = nn.Linear(width, width)

    def forward(self, x):
        items, tokens, width = x.shape

        def split(y):
            return y.view(items, tokens, -1, self.head_channels).transpose(1, 2)

        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = query @ key.transpose(-2, -1) * self.head_channels**-0.5
        if self.causal:
            future = torch.ones(tokens, tokens, dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(future, float("-inf"))
        mixed = scores.softmax(dim=-1) @ value
        return self.output(mixed.transpose(1, 2).reshape(items, tokens, width))


class FeedForward(nn.Module):
    """Four times as wide, gated by a GELU."""

    def __init__(self, width):
        super().__init__()
        self.expand = nn.Linear(width, 8 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, x):
        content, gate = self.expand(x).chunk(2, dim=-1)
        return self.contract(content * functional.gelu(gate))


class SpatialLayer(nn.Module):
    """Self attention among the positions of a frame. There is no norm2: it belongs to cross attention."""

    def __init__(self, width, head_channels):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.self_attention = Attention(width, head_channels)
        self.norm3 = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width)

    def forward(self, x):
        x = x + self.self_attention(self.norm1(x))
        return x + self.feed_forward(self.norm3(x))


class TemporalLayer(nn.Module):
    """Self attention over time at one position, twice."""

    def __init__(self, width, head_channels):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention1 = Attention(width, head_channels, causal=True)
        self.norm2 = nn.LayerNorm(width)
        self.attention2 = Attention(width, head_channels, causal=True)
        self.norm3 = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width)

    def forward(self, x):
        x = x + self.attention1(self.norm1(x))
        x = x + self.attention2(self.norm2(x))
        return x + self.feed_forward(self.norm3(x))


class Transformer(nn.Module):
    """What both have in common: normalisation, projections at both ends, layers between."""

    def __init__(self, layer, channels, options):
        super().__init__()
        self.norm = nn.GroupNorm(options["normGroups"], channels, eps=1e-6)
        self.project_in = nn.Linear(channels, channels)
        depth = options["transformerDepth"]
        self.blocks = nn.ModuleList(layer(channels, options["headChannels"]) for _ in range(depth))
        self.project_out = nn.Linear(channels, channels)

    def transform(self, tokens):
        """[X N C] -> [X N C]"""
        x = self.project_in(tokens)
        for block in self.blocks:
            x = block(x)
        return self.project_out(x)


class SpatialTransformer(Transformer):
    """[F C H W] -> [F C H W]"""

    def __init__(self, channels, options):
        super().__init__(SpatialLayer, channels, options)

    def forward(self, x):
        frames, channels, height, width = x.shape
        tokens = self.norm(x).permute(0, 2, 3, 1).reshape(frames, height * width, channels)
        mixed = self.transform(tokens).reshape(frames, height, width, channels)
        return x + mixed.permute(0, 3, 1, 2)


class TemporalTransformer(Transformer):
    """[F C H W] -> [F C H W], `clips` clips one after the other along F"""

    def __init__(self, channels, options):
        super().__init__(TemporalLayer, channels, options)

    def forward(self, x, clips):
        frames, channels, height, width = x.shape
        video = x.view(clips, frames // clips, channels, height, width).transpose(1, 2)  # [B C T H W]
        tokens = self.norm(video).permute(0, 3, 4, 2, 1).reshape(clips * height * width, -1, channels)
        mixed = self.transform(tokens).view(clips, height, width, -1, channels)
        return x + mixed.permute(0, 3, 1, 2, 4).reshape(frames, height, width, channels).permute(0, 3, 1, 2)
