"""Attention, feed-forward, and the transformers over space and over time.

Axes: B clips, T frames, F = B * T, C channels, N tokens, H x W positions.
"""

import torch
from torch import nn
from torch.nn import functional


def attend(query, key, value, causal=False):
    """[X H N D]; with the fused operator where this PyTorch has it."""
    if hasattr(functional, "scaled_dot_product_attention"):
        return functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
    scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
    if causal:
        tokens = query.shape[2]
        future = torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).triu(1)
        scores = scores.masked_fill(future, float("-inf"))
    return scores.softmax(dim=-1) @ value


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
        mixed = attend(query, key, value, self.causal)
        return self.output(mixed.transpose(1, 2).reshape(items, tokens, width))


class CrossAttention(nn.Module):
    """Attention of a frame's positions [F N C] to its text and image tokens, [F L D] each; the two results are added."""

    def __init__(self, width, head_channels, context_width, image):
        super().__init__()
        self.head_channels = head_channels
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(context_width, width, bias=False)
        self.value = nn.Linear(context_width, width, bias=False)
        self.image_key = nn.Linear(context_width, width, bias=False) if image else None
        self.image_value = nn.Linear(context_width, width, bias=False) if image else None
        self.output = nn.Linear(width, width)

    def forward(self, x, text, image):
        def split(y):
            return y.view(*y.shape[:2], -1, self.head_channels).transpose(1, 2)

        query = split(self.query(x))
        mixed = attend(query, split(self.key(text)), split(self.value(text)))
        if image is not None and self.image_key is not None:
            mixed = mixed + attend(query, split(self.image_key(image)), split(self.image_value(image)))
        return self.output(mixed.transpose(1, 2).reshape(x.shape))


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
    """Self attention among the positions of a frame; norm2 and cross attention only where there is a context."""

    def __init__(self, width, options):
        super().__init__()
        head_channels, context_width = options["headChannels"], options.get("contextDim")
        self.norm1 = nn.LayerNorm(width)
        self.self_attention = Attention(width, head_channels)
        if context_width is not None:
            self.norm2 = nn.LayerNorm(width)
            self.cross_attention = CrossAttention(width, head_channels, context_width, options["imageCrossAttention"])
        self.norm3 = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width)

    def forward(self, x, context=None):
        x = x + self.self_attention(self.norm1(x))
        x = x if context is None else x + self.cross_attention(self.norm2(x), *context)
        return x + self.feed_forward(self.norm3(x))


class TemporalLayer(nn.Module):
    """Self attention over time at one position, twice."""

    def __init__(self, width, options):
        super().__init__()
        head_channels = options["headChannels"]
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
        self.blocks = nn.ModuleList(layer(channels, options) for _ in range(depth))
        self.project_out = nn.Linear(channels, channels)

    def transform(self, tokens, *context):
        """[X N C] -> [X N C]"""
        x = self.project_in(tokens)
        for block in self.blocks:
            x = block(x, *context)
        return self.project_out(x)


class SpatialTransformer(Transformer):
    """[F C H W] -> [F C H W]; `context` is a pair of text and image tokens."""

    def __init__(self, channels, options):
        super().__init__(SpatialLayer, channels, options)

    def forward(self, x, context=None):
        frames, channels, height, width = x.shape
        tokens = self.norm(x).permute(0, 2, 3, 1).reshape(frames, height * width, channels)
        mixed = self.transform(tokens, context).reshape(frames, height, width, channels)
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


class PointwiseConv(nn.Conv1d):
    """A linear map of tokens [X N C], stored as a convolution."""

    def __init__(self, in_width, out_width):
        super().__init__(in_width, out_width, 1)

    def forward(self, x):
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class InitialAttention(TemporalTransformer):
    """The temporal transformer after the first convolution: eight heads whatever the channels are."""

    def __init__(self, channels, options):
        super().__init__(channels, options)
        inner = 8 * options["headChannels"]
        self.project_in = PointwiseConv(channels, inner)
        self.blocks = nn.ModuleList(TemporalLayer(inner, options) for _ in range(options["transformerDepth"]))
        self.project_out = PointwiseConv(inner, channels)
