"""torchvision's networks as LPIPS and FID use them. make.py beside the networks of packages/world records its results with these, too."""

import torch
import torch.nn.functional as F
import torchvision

LPIPS_TAPS = {"vgg": (3, 8, 15, 22, 29), "alex": (1, 4, 7, 9, 11)}
LPIPS_SHIFT = torch.tensor([-0.03, -0.088, -0.188]).view(1, 3, 1, 1)
LPIPS_SCALE = torch.tensor([0.458, 0.448, 0.45]).view(1, 3, 1, 1)


def features(model, indices, x):
    taps = []
    for index, layer in enumerate(model.features):
        layer = torch.nn.ReLU(inplace=False) if isinstance(layer, torch.nn.ReLU) else layer
        x = layer(x)
        if index in indices:
            taps.append(x)
    return taps


def lpips(taps, pairs, heads):
    total = 0
    for tap, head in zip(taps, heads):
        unit = tap / (tap.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)
        total = total + F.conv2d((unit[:pairs] - unit[pairs:]).pow(2), head).mean((2, 3)).flatten()
    return total


# What FID's Inception changes in torchvision's: average pools that do not count the padding, and a maximum in the last block.
def average(x):
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def block_a(self, x):
    b = [self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))]
    return torch.cat(b + [self.branch_pool(average(x))], 1)


def block_c(self, x):
    seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
    double = x
    for i in range(1, 6):
        double = getattr(self, f"branch7x7dbl_{i}")(double)
    return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(average(x))], 1)


def block_e(pool):
    def forward(self, x):
        three = self.branch3x3_1(x)
        three = torch.cat([self.branch3x3_2a(three), self.branch3x3_2b(three)], 1)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        double = torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1)
        return torch.cat([self.branch1x1(x), three, double, self.branch_pool(pool(x))], 1)

    return forward


def fid_inception():
    """InceptionV3 up to its last average pool, with FID's changes: [B 3 299 299] -> [B 2048]."""
    model = torchvision.models.inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        setattr(getattr(model, name), "forward", block_a.__get__(getattr(model, name)))
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        setattr(getattr(model, name), "forward", block_c.__get__(getattr(model, name)))
    model.Mixed_7b.forward = block_e(average).__get__(model.Mixed_7b)
    model.Mixed_7c.forward = block_e(lambda x: F.max_pool2d(x, 3, 1, 1)).__get__(model.Mixed_7c)
    model.fc = torch.nn.Identity()
    return model
