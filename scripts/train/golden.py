"""Writes the logits and the state of a checkpoint as the official package computes them: golden.py CHECKPOINT.pth TEXT

NAME.golden.json and NAME.golden.bin appear beside NAME.pth, in the layout that internal/golden reads. The package is BlinkDL's
`rwkv`, strategy "cpu fp32", without JIT, one token at a time from an empty state. Weights become float32 before it sees them:
given bfloat16, its code for versions 4 to 6 computes the embedding's layer norm in bfloat16.
"""

import importlib.metadata
import json
import os
import re
import sys

os.environ["RWKV_JIT_ON"] = "0"

import torch

from corpus import END, encode

MARKS = {7: "att.r_k", 6: "att.time_maa_x", 5: "att.ln_x.weight"}
STATES = {4: ["att_x_prev", "att_aa", "att_bb", "att_pp", "ffn_x_prev"]}
STATES[5] = STATES[6] = STATES[7] = ["att_x_prev", "att_kv", "ffn_x_prev"]


def official(path):
    """The package's model of a checkpoint, its version, and the numbers of layers and channels."""
    weights = {name: w.float() for name, w in torch.load(path, map_location="cpu").items()}
    version = next((v for v, mark in MARKS.items() if f"blocks.0.{mark}" in weights), 4)
    layers = 1 + max(int(m[1]) for m in (re.match(r"blocks\.(\d+)\.", name) for name in weights) if m)
    channels = weights["emb.weight"].shape[1]

    os.environ["RWKV_V7_ON"] = "1" if version == 7 else "0"
    from rwkv.model import RWKV

    torch.load = lambda *_, **__: weights  # the package is to load the float32 ones
    return RWKV(model=os.path.splitext(path)[0], strategy="cpu fp32"), version, layers, channels


@torch.no_grad()
def read(model, ids):
    """The logits after each token, [token, vocabulary], and the state after the last."""
    rows, state = [], None
    for token in ids:
        logits, state = model.forward([token], state)
        rows.append(logits.clone())
    return torch.stack(rows), state


def main(path, text):
    model, version, layers, channels = official(path)
    base = os.path.splitext(path)[0]
    begin = encode(open(text, encoding="utf-8").read(4000)[-160:])
    prompts = {"short": encode("ROMEO:"), "long": [END] + begin[:95]}
    arrays, numbers = [], []

    def add(name, x):
        arrays.append(dict(name=name, shape=list(x.shape), offset=4 * sum(n.numel() for n in numbers)))
        numbers.append(x.float().contiguous())

    for name, ids in prompts.items():
        logits, state = read(model, ids)
        add(f"{name}.logits", logits)
    kinds = STATES[version]
    for i, x in enumerate(state):  # after "long", the last
        add(f"long.state.L{i // len(kinds)}.{kinds[i % len(kinds)]}", x)

    with open(base + ".golden.bin", "wb") as out:
        for x in numbers:
            out.write(x.numpy().astype("<f4").tobytes())
    facts = dict(
        models=[os.path.basename(path)],
        computed_by=f"package rwkv {importlib.metadata.version('rwkv')}, strategy cpu fp32, weights in float32",
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
