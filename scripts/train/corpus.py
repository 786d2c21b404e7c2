"""Rows of token ids to train on: verse and prose as it stands, and answered questions."""

import random

import torch

import tasks

END = 0  # between texts
IGNORE = -100  # targets that cost nothing


def encode(text):
    """Ids 1 to 256 are the bytes, as in the World vocabulary."""
    return [b + 1 for b in text.encode()]


class Corpus:
    """Rows of `length` ids and their targets, the same for the same seed and step.

    The last twentieth of the text is for validation.
    """

    def __init__(self, text, length, seed, share):
        self.length, self.seed, self.share = length, seed, share
        cut = text.rfind("\n\n", 0, len(text) * 19 // 20) + 2
        self.text, self.held_out = encode(text[:cut]), encode(text[cut:])
        blank = encode("\n\n")
        self.starts = [0] + [i + 2 for i in range(len(self.text) - length - 2) if self.text[i : i + 2] == blank]

    def batch(self, step, size):
        """Inputs and targets [size, length] of a step; `share` of the rows are questions."""
        rng = random.Random(f"{self.seed} {step}")
        questions = round(size * self.share)
        rows = [self._questions(rng) if i < questions else self._text(rng) for i in range(size)]
        inputs, targets = zip(*rows)
        return torch.tensor(inputs), torch.tensor(targets)

    def validation(self, size):
        """The first rows of the text that is held out."""
        rows = []
        for at in range(0, min(size * self.length, len(self.held_out) - self.length), self.length):
            rows.append([END] + self.held_out[at : at + self.length])
        rows = torch.tensor(rows)
        return rows[:, :-1], rows[:, 1:]

    def _text(self, rng):
        start = rng.choice(self.starts)
        row = [END] + self.text[start : start + self.length]
        return row[:-1], row[1:]

    def _questions(self, rng):
        """Conversations of one to four questions; what a user may ask is not predicted."""
        row, paid = [END], [False]
        while len(row) <= self.length:
            for _ in range(rng.randint(1, 4)):
                question, answer = tasks.example(rng)
                for part, counts in ("User: ", True), (question, False), (f"\n\nAssistant: {answer}\n\n", True):
                    ids = encode(part)
                    row += ids
                    paid += [counts] * len(ids)
            row.append(END)
            paid.append(True)
        row, paid = row[: self.length + 1], paid[: self.length + 1]
        return row[:-1], [t if p else IGNORE for t, p in zip(row[1:], paid[1:])]


def asked(rows, length):
    """Rows of the task set as inputs and targets, of which only the answers count."""
    inputs, targets = [], []
    for row in rows:
        prompt = [END] + encode(f"User: {row['question']}\n\nAssistant:")
        answer = encode(f" {row['answer']}\n\n")
        ids = prompt + answer
        padding = length - len(ids) + 1
        inputs.append(ids[:-1] + [END] * padding)
        targets.append([IGNORE] * (len(prompt) - 1) + answer + [IGNORE] * padding)
    return torch.tensor(inputs), torch.tensor(targets)
