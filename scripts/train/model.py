"""The frame around every version's layers, and its checkpoint."""

import importlib

import torch
from torch import nn

VOCABULARY = 257  # the end of a text, then the 256 bytes, numbered as the World tokenizer does


class Layer(nn.Module):
    def __init__(self, version, layer, layers, channels):
        super().__init__()
        if layer == 0:
            self.ln0 = nn.LayerNorm(channels)
        self.ln1, self.ln2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.att = version.TimeMix(layer, layers, channels)
        self.ffn = version.ChannelMix(layer, layers, channels)

    def forward(self, x, v_first):
        y, v_first = self.att(self.ln1(x), v_first)
        x = x + y
        return x + self.ffn(self.ln2(x)), v_first


class RWKV(nn.Module):
    """Logits [batch, time, vocabulary] of token ids [batch, time]."""

    def __init__(self, version, layers, channels):
        super().__init__()
        self.version = importlib.import_module(f"rwkv{version}")
        self.emb = nn.Embedding(VOCABULARY, channels)
        nn.init.uniform_(self.emb.weight, -1e-4, 1e-4)
        self.blocks = nn.ModuleList(Layer(self.version, i, layers, channels) for i in range(layers))
        self.ln_out = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, VOCABULARY, bias=False)
        nn.init.orthogonal_(self.head.weight, gain=0.5 * max(1, VOCABULARY / channels) ** 0.5)

    def forward(self, ids):
        x, v_first = self.blocks[0].ln0(self.emb(ids)), None
        for block in self.blocks:
            x, v_first = block(x, v_first)
        return self.head(self.ln_out(x))

    def groups(self, rate, weight_decay):
        """Parameters for the optimizer: decays learn faster, and only matrices are pulled to zero."""
        groups = {}
        for name, p in self.named_parameters():
            factor = next((f for end, f in self.version.RATES.items() if name.endswith(end)), 1)
            matrix = name.endswith(".weight") and p.squeeze().dim() >= 2
            groups.setdefault((factor, weight_decay if matrix else 0.0), []).append(p)
        return [dict(params=p, lr=rate * factor, weight_decay=decay) for (factor, decay), p in groups.items()]

    def checkpoint(self):
        """The tensors under the names and in the order of the published files, in bfloat16."""
        return {name: p.detach().to("cpu", torch.bfloat16).clone() for name, p in self.named_parameters()}
