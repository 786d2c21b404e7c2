"""Trains a small RWKV on a text and on tasks, and saves it as the published checkpoints are."""

import argparse
import csv
import json
import os
import time

import torch
from torch.nn import functional as F

import tasks
from corpus import IGNORE, Corpus, asked
from model import RWKV


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--text", required=True, nargs="+", help="plain text to learn")
    p.add_argument("--out", required=True, help="the checkpoint to write: NAME.pth; beside it NAME.csv and NAME.resume")
    p.add_argument("--version", type=int, default=7, choices=(4, 5, 6, 7), help="5 is 5.2")
    p.add_argument("--layers", type=int, default=4)
    p.add_argument("--channels", type=int, default=256)
    p.add_argument("--length", type=int, default=512, help="tokens of a row")
    p.add_argument("--rows", type=int, default=8, help="rows of a step")
    p.add_argument("--steps", type=int, default=6000)
    p.add_argument("--rate", type=float, default=2e-3, help="learning rate after the warm-up")
    p.add_argument("--decay", type=float, default=0.35, help="share of the steps, the last ones, in which the rate falls to nothing")
    p.add_argument("--weight-decay", type=float, default=0.1)
    p.add_argument("--questions", type=float, default=0.5, help="share of the rows that are questions")
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--save-every", type=int, default=200, help="steps between what --resume goes on from")
    p.add_argument("--resume", action="store_true", help="go on from NAME.resume")
    return p.parse_args()


def rate_at(step, steps, decay, warmup=50):
    """The factor of the learning rate: up, level, and down along one minus a square root."""
    begin = int(steps * (1 - decay))
    if step < warmup:
        return (step + 1) / warmup
    if step < begin:
        return 1.0
    return max(1 - ((step - begin) / (steps - begin)) ** 0.5, 0.01)


class Trainer:
    def __init__(self, args):
        torch.manual_seed(args.seed)
        torch.set_num_threads(args.threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # it is all written, and filling it costs time
        self.args, self.step, self.seconds = args, 0, 0.0
        text = "\n\n".join(open(name, encoding="utf-8").read().strip() for name in args.text) + "\n\n"
        self.corpus = Corpus(text, args.length, args.seed, args.questions)
        self.model = RWKV(args.version, args.layers, args.channels).to(args.device)
        self.optimizer = torch.optim.AdamW(
            self.model.groups(args.rate, args.weight_decay), betas=(0.9, 0.99), eps=1e-18, fused=True
        )
        self.rates = [g["lr"] for g in self.optimizer.param_groups]
        self.questions = tasks.task_set(20)

    def logits(self, ids):
        with torch.autocast(self.args.device, torch.bfloat16):
            return self.model(ids.to(self.args.device))

    def learn(self):
        """One step; returns its loss in nats a token."""
        inputs, targets = self.corpus.batch(self.step, self.args.rows)
        factor = rate_at(self.step, self.args.steps, self.args.decay)
        for group, rate in zip(self.optimizer.param_groups, self.rates):
            group["lr"] = rate * factor
        targets = targets.to(self.args.device)
        loss = F.cross_entropy(self.logits(inputs).float().flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        return loss.item()

    @torch.no_grad()
    def judge(self):
        """Bits a byte of the text held out, and the share of questions of each kind answered word for word."""
        inputs, targets = self.corpus.validation(16)
        loss = F.cross_entropy(self.logits(inputs).float().cpu().flatten(0, 1), targets.flatten())
        right = {}
        for at in range(0, len(self.questions), 50):
            rows = self.questions[at : at + 50]
            inputs, targets = asked(rows, 128)
            best = self.logits(inputs).argmax(-1).cpu()
            good = ((best == targets) | (targets == IGNORE)).all(-1)
            for row, ok in zip(rows, good.tolist()):
                right.setdefault(row["task"], []).append(ok)
        scores = {kind: sum(ok) / len(ok) for kind, ok in right.items()}
        return loss.item() / 0.6931471805599453, scores

    def save(self):
        """The checkpoint, and what --resume needs."""
        base = os.path.splitext(self.args.out)[0]
        state = dict(step=self.step, seconds=self.seconds, model=self.model.state_dict(), optimizer=self.optimizer.state_dict())
        for name, what in (base + ".resume", state), (self.args.out, self.model.checkpoint()):
            torch.save(what, name + ".part")
            os.replace(name + ".part", name)

    def resume(self):
        state = torch.load(os.path.splitext(self.args.out)[0] + ".resume", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]

    def run(self):
        log = open(os.path.splitext(self.args.out)[0] + ".csv", "a" if self.step else "w", newline="")
        table = csv.writer(log)
        if not self.step:
            table.writerow(["step", "loss", "bits per byte", "tasks", "seconds"])
        total = 0.0
        while self.step < self.args.steps:
            begun = time.monotonic()
            total += self.learn()
            self.seconds += time.monotonic() - begun
            if self.step % self.args.save_every and self.step < self.args.steps:
                continue
            bits, scores = self.judge()
            mean = total / ((self.step - 1) % self.args.save_every + 1)
            total = 0.0
            score = sum(scores.values()) / len(scores)
            table.writerow([self.step, f"{mean:.4f}", f"{bits:.4f}", f"{score:.4f}", f"{self.seconds:.0f}"])
            log.flush()
            rate = self.step * self.args.rows * self.args.length / self.seconds
            print(f"step {self.step} loss {mean:.4f} bits/byte {bits:.4f} tasks {score:.3f} {rate:.0f} tok/s",
                  json.dumps({k: round(v, 2) for k, v in scores.items()}), flush=True)
            self.save()


if __name__ == "__main__":
    trainer = Trainer(arguments())
    if trainer.args.resume:
        trainer.resume()
    trainer.run()
