"""RWKV-6, "Finch": the two halves of a layer."""

import torch
from torch import nn

from parts import HEAD_SIZE, bonus, decay_speed, group_norm, linear, ratios, shifted
from wkv import wkv6

RATES = {"att.time_decay": 2}
MIX_RANK, DECAY_RANK = 32, 64


class TimeMix(nn.Module):
    def __init__(self, layer, layers, channels):
        super().__init__()
        first, last, place = ratios(layer, layers, channels)
        heads = channels // HEAD_SIZE
        for name in "xwk":
            self.register_parameter(f"time_maa_{name}", nn.Parameter(1 - place**last))
        self.time_maa_v = nn.Parameter(1 - (place**last + 0.3 * first))
        for name in "rg":
            self.register_parameter(f"time_maa_{name}", nn.Parameter(1 - place ** (0.5 * last)))
        self.time_maa_w1 = nn.Parameter(torch.zeros(channels, 5 * MIX_RANK))
        self.time_maa_w2 = nn.Parameter(torch.empty(5, MIX_RANK, channels).uniform_(-0.01, 0.01))
        self.time_decay = nn.Parameter(decay_speed(channels, first).view(1, 1, -1))
        self.time_decay_w1 = nn.Parameter(torch.zeros(channels, DECAY_RANK))
        self.time_decay_w2 = nn.Parameter(torch.empty(DECAY_RANK, channels).uniform_(-0.01, 0.01))
        self.time_faaaa = nn.Parameter(bonus(channels, first).view(heads, HEAD_SIZE))
        self.receptance = linear(channels, channels, 0.5)
        self.key = linear(channels, channels, 0.05)
        self.value = linear(channels, channels, 0.5)
        self.gate = linear(channels, channels, 0.05)
        self.output = linear(channels, channels, 0)
        self.ln_x = nn.GroupNorm(heads, channels, eps=64e-5)

    def forward(self, x, v_first):
        dx = shifted(x) - x
        z = torch.tanh((x + dx * self.time_maa_x) @ self.time_maa_w1).unflatten(-1, (5, MIX_RANK))
        xw, xk, xv, xr, xg = (
            x + dx * (maa + z[:, :, i] @ self.time_maa_w2[i])
            for i, maa in enumerate(
                (self.time_maa_w, self.time_maa_k, self.time_maa_v, self.time_maa_r, self.time_maa_g)
            )
        )
        r, k, v, g = self.receptance(xr), self.key(xk), self.value(xv), self.gate(xg)
        w = self.time_decay + torch.tanh(xw @ self.time_decay_w1) @ self.time_decay_w2
        logw = -torch.exp(w.float())
        r, logw, k, v = (z.float().unflatten(-1, (-1, HEAD_SIZE)).transpose(1, 2) for z in (r, logw, k, v))
        y = wkv6(r, logw, k, v, self.time_faaaa)
        y = group_norm(self.ln_x, y.transpose(1, 2).flatten(-2))
        return self.output(y * nn.functional.silu(g)), v_first


class ChannelMix(nn.Module):
    def __init__(self, layer, layers, channels):
        super().__init__()
        _, last, place = ratios(layer, layers, channels)
        width = int(3.5 * channels) // 32 * 32
        self.time_maa_k = nn.Parameter(1 - place**last)
        self.time_maa_r = nn.Parameter(1 - place**last)
        self.key = linear(channels, width, 0.5)
        self.receptance = linear(channels, channels, 0)
        self.value = linear(width, channels, 0)

    def forward(self, x):
        dx = shifted(x) - x
        k = self.key(x + dx * self.time_maa_k)
        return torch.sigmoid(self.receptance(x + dx * self.time_maa_r)) * self.value(torch.relu(k) ** 2)
