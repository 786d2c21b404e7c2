"""RWKV-7, "Goose": the two halves of a layer."""

import torch
import torch.nn.functional as F
from torch import nn

from parts import HEAD_SIZE, group_norm, linear, low_rank, rank, ratios, shifted
from wkv import wkv7

RATES = {"att.w0": 2}


class TimeMix(nn.Module):
    def __init__(self, layer, layers, channels):
        super().__init__()
        first, last, place = ratios(layer, layers, channels)
        heads = channels // HEAD_SIZE
        self.layer = layer
        for name, power in dict(r=0.2, w=0.9, k=0.7, v=0.7, a=0.9, g=0.2).items():
            self.register_parameter(f"x_{name}", nn.Parameter(1 - place ** (power * last)))

        inside = torch.arange(channels) % HEAD_SIZE / (HEAD_SIZE - 1) * 2 - 1
        zigzag = inside * inside.abs()
        line = place.flatten() - 0.5
        speed = -6 + 6 * place.flatten() ** (1 + first**0.3)
        self.w0 = nn.Parameter((speed + 0.5 + zigzag * 2.5).view(1, 1, -1))
        self.a0 = nn.Parameter((-0.19 + zigzag * 0.3 + line * 0.4).view(1, 1, -1))
        self.w1, self.w2 = low_rank(channels, rank(2.5 * channels**0.5))
        self.a1, self.a2 = low_rank(channels, rank(2.5 * channels**0.5))
        if layer > 0:
            self.v0 = nn.Parameter((0.73 - line * 0.4).view(1, 1, -1))
            self.v1, self.v2 = low_rank(channels, rank(1.7 * channels**0.5))
        self.g1, self.g2 = low_rank(channels, rank(5 * channels**0.5))

        self.k_k = nn.Parameter((0.71 - line * 0.1).view(1, 1, -1))
        self.k_a = nn.Parameter(torch.full((1, 1, channels), 1.02))
        self.r_k = nn.Parameter(torch.full((heads, HEAD_SIZE), -0.04))
        self.receptance = linear(channels, channels, 0.5)
        self.key = linear(channels, channels, 0.05)
        self.value = linear(channels, channels, 0.5)
        self.output = linear(channels, channels, 0)
        self.ln_x = nn.GroupNorm(heads, channels, eps=64e-5)
        self.ln_x.weight.data.fill_(((1 + layer) / layers) ** 0.7)

    def forward(self, x, v_first):
        heads = (-1, HEAD_SIZE)
        dx = shifted(x) - x
        r = self.receptance(x + dx * self.x_r)
        k = self.key(x + dx * self.x_k)
        xv = x + dx * self.x_v
        v = self.value(xv)
        w = self.w0 + torch.tanh((x + dx * self.x_w) @ self.w1) @ self.w2
        a = torch.sigmoid(self.a0 + (x + dx * self.x_a) @ self.a1 @ self.a2)
        g = torch.sigmoid((x + dx * self.x_g) @ self.g1) @ self.g2
        if self.layer == 0:
            v_first = v
        else:
            v = v + (v_first - v) * torch.sigmoid(self.v0 + xv @ self.v1 @ self.v2)
        r, k, v, w, a = (z.float() for z in (r, k, v, w, a))
        logw = -0.606531 * torch.sigmoid(w)
        kk = F.normalize((k * self.k_k).unflatten(-1, heads), dim=-1)
        k = k * (1 + (a - 1) * self.k_a)
        r, logw, k, v, a = (z.unflatten(-1, heads) for z in (r, logw, k, v, a))
        y = wkv7(*(z.transpose(1, 2) for z in (r, logw, k, v, -kk, kk * a)))
        y = group_norm(self.ln_x, y.transpose(1, 2).flatten(-2))
        y = y + ((r * k * self.r_k).sum(-1, keepdim=True) * v).flatten(-2)
        return self.output(y * g), v_first


class ChannelMix(nn.Module):
    def __init__(self, layer, layers, channels):
        super().__init__()
        _, last, place = ratios(layer, layers, channels)
        self.x_k = nn.Parameter(1 - place ** (last**4))
        self.key = linear(channels, 4 * channels, 0.5)
        self.value = linear(4 * channels, channels, 0)

    def forward(self, x):
        k = self.key(x + (shifted(x) - x) * self.x_k)
        return self.value(torch.relu(k) ** 2)
