"""RWKV-4, "Dove": the two halves of a layer."""

import math

import torch
from torch import nn

from parts import linear, mixed, ratios, shifted
from wkv import wkv4

RATES = {"att.time_decay": 2, "att.time_first": 3}


class TimeMix(nn.Module):
    def __init__(self, layer, layers, channels):
        super().__init__()
        first, last, place = ratios(layer, layers, channels)
        channel = torch.arange(channels)
        self.time_decay = nn.Parameter(-5 + 8 * (channel / (channels - 1)) ** (0.7 + 1.3 * first))
        self.time_first = nn.Parameter(math.log(0.3) + ((channel + 1) % 3 - 1) * 0.5)
        self.time_mix_k = nn.Parameter(place**last)
        self.time_mix_v = nn.Parameter(place**last + 0.3 * first)
        self.time_mix_r = nn.Parameter(place ** (0.5 * last))
        self.key = linear(channels, channels, 0)
        self.value = linear(channels, channels, 0.5)
        self.receptance = linear(channels, channels, 0)
        self.output = linear(channels, channels, 0)

    def forward(self, x, v_first):
        before = shifted(x)
        k = self.key(mixed(x, before, self.time_mix_k)).float()
        v = self.value(mixed(x, before, self.time_mix_v)).float()
        r = self.receptance(mixed(x, before, self.time_mix_r))
        y = wkv4(-torch.exp(self.time_decay), self.time_first, k, v)
        return self.output(torch.sigmoid(r) * y), v_first


class ChannelMix(nn.Module):
    WIDTH = 4

    def __init__(self, layer, layers, channels):
        super().__init__()
        _, last, place = ratios(layer, layers, channels)
        width = int(self.WIDTH * channels) // 32 * 32
        self.time_mix_k = nn.Parameter(place**last)
        self.time_mix_r = nn.Parameter(place**last)
        self.key = linear(channels, width, 0.5)
        self.receptance = linear(channels, channels, 0)
        self.value = linear(width, channels, 0)

    def forward(self, x):
        before = shifted(x)
        k = self.key(mixed(x, before, self.time_mix_k))
        r = self.receptance(mixed(x, before, self.time_mix_r))
        return torch.sigmoid(r) * self.value(torch.relu(k) ** 2)
