"""The chunked recurrences against plain loops in float64."""

import unittest

import torch

from wkv import wkv4, wkv6, wkv7

torch.manual_seed(0)
SHAPE = 2, 3, 48, 8


def random(*shape):
    return torch.randn(*shape or SHAPE, dtype=torch.float64)


def plain7(r, logw, k, v, a, b):
    state, out = torch.zeros(*SHAPE[:2], SHAPE[3], SHAPE[3], dtype=r.dtype), []
    for t in range(SHAPE[2]):
        rt, wt, kt, vt, at, bt = (x[:, :, t, :, None] for x in (r, logw.exp(), k, v, a, b))
        state = state * wt.mT + (state @ at) @ bt.mT + vt @ kt.mT
        out.append((state @ rt).squeeze(-1))
    return torch.stack(out, 2)


def plain6(r, logw, k, v, bonus):
    state, out = torch.zeros(*SHAPE[:2], SHAPE[3], SHAPE[3], dtype=r.dtype), []
    for t in range(SHAPE[2]):
        rt, wt, kt, vt = (x[:, :, t, :, None] for x in (r, logw.exp(), k, v))
        out.append(((state + bonus[..., None] * kt @ vt.mT).mT @ rt).squeeze(-1))
        state = wt * state + kt @ vt.mT
    return torch.stack(out, 2)


def plain4(logw, bonus, k, v):
    out = torch.empty_like(v)
    for t in range(k.shape[1]):
        ages = torch.arange(t - 1, -1, -1, dtype=k.dtype)[None, :, None]
        weights = torch.cat([k[:, :t] + ages * logw, k[:, t : t + 1] + bonus], 1).softmax(1)
        out[:, t] = (weights * v[:, : t + 1]).sum(1)
    return out


class Recurrences(unittest.TestCase):
    def same(self, chunked, plain, inputs):
        inputs = [x.requires_grad_() for x in inputs]
        torch.testing.assert_close(chunked(*inputs), plain(*inputs), rtol=1e-9, atol=1e-9)
        weight = random(*chunked(*inputs).shape)
        for got, want in zip(*(torch.autograd.grad((f(*inputs) * weight).sum(), inputs) for f in (chunked, plain))):
            torch.testing.assert_close(got, want, rtol=1e-7, atol=1e-7)

    def test_wkv7(self):
        key = torch.nn.functional.normalize(random(), dim=-1)
        inputs = random(), -0.6065 * random().sigmoid(), random(), random(), -key, key * random().sigmoid()
        self.same(wkv7, plain7, [x.detach() for x in inputs])

    def test_wkv6_with_decays_that_would_overflow_a_divisor(self):
        self.same(wkv6, plain6, [random(), -(2 * random()).exp() * 4, random(), random(), random(3, 8)])

    def test_wkv4(self):
        self.same(wkv4, plain4, [-random(8).exp(), random(8), 3 * random(2, 48, 8), random(2, 48, 8)])


if __name__ == "__main__":
    unittest.main()
