"""RWKV-5.2, "Eagle": the two halves of a layer."""

import torch
from torch import nn

import rwkv4
from parts import HEAD_SIZE, bonus, decay_speed, group_norm, linear, mixed, ratios, shifted
from wkv import wkv6

RATES = {"att.time_decay": 2}


class TimeMix(nn.Module):
    def __init__(self, layer, layers, channels):
        super().__init__()
        first, last, place = ratios(layer, layers, channels)
        heads = channels // HEAD_SIZE
        self.time_mix_k = nn.Parameter(place**last)
        self.time_mix_v = nn.Parameter(place**last + 0.3 * first)
        self.time_mix_r = nn.Parameter(place ** (0.5 * last))
        self.time_mix_g = nn.Parameter(place ** (0.5 * last))
        self.time_decay = nn.Parameter(decay_speed(channels, first).view(heads, HEAD_SIZE))
        self.time_faaaa = nn.Parameter(bonus(channels, first).view(heads, HEAD_SIZE))
        self.receptance = linear(channels, channels, 0.5)
        self.key = linear(channels, channels, 0.05)
        self.value = linear(channels, channels, 0.5)
        self.gate = linear(channels, channels, 0.05)
        self.output = linear(channels, channels, 0)
        self.ln_x = nn.GroupNorm(heads, channels, eps=64e-5)

    def forward(self, x, v_first):
        before = shifted(x)
        r = self.receptance(mixed(x, before, self.time_mix_r))
        k = self.key(mixed(x, before, self.time_mix_k))
        v = self.value(mixed(x, before, self.time_mix_v))
        g = self.gate(mixed(x, before, self.time_mix_g))
        r, k, v = (z.float().unflatten(-1, (-1, HEAD_SIZE)).transpose(1, 2) for z in (r, k, v))
        logw = -torch.exp(self.time_decay)[:, None].expand_as(r)
        y = wkv6(r, logw, k, v, self.time_faaaa)
        y = group_norm(self.ln_x, y.transpose(1, 2).flatten(-2))
        return self.output(y * nn.functional.silu(g)), v_first


class ChannelMix(rwkv4.ChannelMix):
    WIDTH = 3.5
