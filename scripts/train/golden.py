"""Writes the logits of a checkpoint as PyTorch computes them: golden.py CHECKPOINT.pth TEXT

NAME.golden.json and NAME.golden.bin appear beside NAME.pth. Everything is float32, from an empty state.
"""

import json
import os
import re
import sys

import torch

from corpus import END, encode
from model import RWKV
from wkv import CHUNK


def version_of(weights):
    marks = {7: "att.r_k", 6: "att.time_maa_x", 5: "att.gate.weight"}
    return next((v for v, mark in marks.items() if f"blocks.0.{mark}" in weights), 4)


def load(path):
    weights = torch.load(path, weights_only=True)
    layers = 1 + max(int(m[1]) for m in (re.match(r"blocks\.(\d+)\.", name) for name in weights) if m)
    channels = weights["emb.weight"].shape[1]
    version = version_of(weights)
    model = RWKV(version, layers, channels)
    model.load_state_dict({name: w.float() for name, w in weights.items()})
    return model, version, layers, channels


@torch.no_grad()
def logits(model, ids):
    """[token, vocabulary]; the recurrences want whole chunks, and later tokens change nothing."""
    padded = ids + [END] * (-len(ids) % CHUNK)
    return model(torch.tensor([padded]))[0, : len(ids)].contiguous()


def main(path, text):
    model, version, layers, channels = load(path)
    base = os.path.splitext(path)[0]
    begin = encode(open(text, encoding="utf-8").read(4000)[-160:])
    prompts = {"short": encode("ROMEO:"), "long": [END] + begin[:95]}
    arrays, offset = [], 0
    with open(base + ".golden.bin", "wb") as out:
        for name, ids in prompts.items():
            rows = logits(model, ids)
            arrays.append(dict(name=f"{name}.logits", shape=list(rows.shape), offset=offset))
            offset += out.write(bytes(rows.untyped_storage()))
    facts = dict(
        models=[os.path.basename(path)],
        n_layer=layers,
        n_embd=channels,
        att_group_norm_eps=64e-5 if version > 4 else 0,
        bin=os.path.basename(base) + ".golden.bin",
        prompts={name: dict(tokens=ids) for name, ids in prompts.items()},
        arrays=arrays,
    )
    with open(base + ".golden.json", "w") as out:
        json.dump(facts, out)
        out.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
