"""What the versions share: token shift, norms, and how weights begin."""

import torch
from torch import nn

HEAD_SIZE = 64


def shifted(x):
    """Each token's predecessor, nothing before the first: [batch, time, channel]."""
    return nn.functional.pad(x, (0, 0, 1, -1))


def mixed(x, before, mix):
    """The token shift of versions 4 and 5, where mix is the present token's weight."""
    return x * mix + before * (1 - mix)


def group_norm(norm, y):
    """norm over the channels of each head of every token."""
    return norm(y.flatten(0, 1)).view_as(y)


def ratios(layer, layers, channels):
    """How deep a layer lies, 0 to 1; how far from the end, 1 to almost 0; and each channel's place, 0 to 1."""
    place = torch.arange(channels).view(1, 1, -1) / channels
    return layer / max(layers - 1, 1), 1 - layer / layers, place


def decay_speed(channels, first):
    """How versions 5 and 6 begin to forget: slow and fast channels, more of them slow in later layers."""
    return -6 + 5 * (torch.arange(channels) / (channels - 1)) ** (0.7 + 1.3 * first)


def bonus(channels, first):
    """What versions 5 and 6 begin to give a token's own key."""
    channel = torch.arange(channels)
    return first * (1 - channel / (channels - 1)) + ((channel + 1) % 3 - 1) * 0.1


def linear(inputs, outputs, gain):
    """A matrix uniform in ±gain/sqrt(inputs); zeros for a gain of 0."""
    matrix = nn.Linear(inputs, outputs, bias=False)
    bound = gain / inputs**0.5
    nn.init.uniform_(matrix.weight, -bound, bound)
    return matrix


def rank(size):
    """A low rank: size in whole steps of 32, one at least."""
    return max(32, round(size / 32) * 32)


def low_rank(channels, size, outputs=None):
    """A pair that begins by giving nothing: zeros, then a small orthogonal matrix."""
    outputs = outputs or channels
    second = torch.empty(size, outputs)
    gain = max(1, (size / outputs) ** 0.5)
    nn.init.orthogonal_(second, gain=0.1 * gain)
    return nn.Parameter(torch.zeros(channels, size)), nn.Parameter(second)
