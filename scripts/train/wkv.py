"""The recurrences of RWKV over whole texts, exact, in chunks of tokens.

Every function takes [batch, head, time, size] (version 4: [batch, time,
channel]) and starts from an empty state. Time is a multiple of CHUNK, except
for version 4, which takes any.
"""

import torch

CHUNK = 16


def wkv7(r, logw, k, v, a, b):
    """The generalised delta rule: S = S (diag(w) + a b^T) + v k^T, y = S r.

    Divided by the decay gathered since its chunk began, the state gains
    nothing but rank-one sums, so that a chunk's u = S a solve one unit
    triangular system. RWKV-7 decays by at most exp(-0.61) a token, so that the
    divisor stays above 6e-5. The state is kept as [key, value].
    """
    r, logw, k, v, a, b = (x.unflatten(2, (-1, CHUNK)) for x in (r, logw, k, v, a, b))
    total = logw.cumsum(-2)
    shrunk, grown = total.exp(), (-total).exp()
    r, a = r * shrunk, a * (total - logw).exp()
    k, b = k * grown, b * grown
    eye = torch.eye(CHUNK, dtype=r.dtype, device=r.device)
    system = eye - (a @ b.mT).tril(-1)
    known = torch.cat([(a @ k.mT).tril(-1) @ v, a], -1)
    solved = torch.linalg.solve_triangular(system, known, upper=False, unitriangular=True)
    u, from_state = solved.split(v.shape[-1], -1)
    decay = shrunk[..., -1, :, None]
    b_out, k_out = b.mT * decay, (k.mT * decay) @ v

    state = torch.zeros_like(k_out[:, :, 0])
    states = []
    for u_in, u_state, w_out, u_out, v_out in zip(*(x.unbind(2) for x in (u, from_state, decay, b_out, k_out))):
        states.append(state)
        state = state * w_out + u_out @ (u_in + u_state @ state) + v_out
    before = torch.stack(states, 2)
    u = u + from_state @ before
    y = r @ before + (r @ b.mT).tril() @ u + (r @ k.mT).tril() @ v
    return y.flatten(2, 3)


def wkv6(r, logw, k, v, bonus):
    """y = r (S + diag(bonus) k v^T), then S = diag(w) S + k v^T.

    Decays of version 6 are unbounded, so no divisor is safe: within a chunk
    the weight of every pair of tokens is computed from its own, never positive,
    difference. bonus is [head, size]; versions 5 have a constant logw.
    """
    r, logw, k, v = (x.unflatten(2, (-1, CHUNK)) for x in (r, logw, k, v))
    total = logw.cumsum(-2)
    since = total - logw
    pair = since.unsqueeze(-2) - total.unsqueeze(-3)
    later = torch.ones(CHUNK, CHUNK, dtype=torch.bool, device=r.device).tril(-1)
    pair = pair.masked_fill(~later[..., None], float("-inf")).exp()
    weight = torch.einsum("...ti,...tsi,...si->...ts", r, pair, k)
    weight = weight + torch.diag_embed((r * bonus[:, None, None] * k).sum(-1))
    gained = (k * (total[..., -1:, :] - total).exp()).mT @ v
    decay = total[..., -1, :, None].exp()

    state = torch.zeros_like(gained[:, :, 0])
    states = []
    for w_out, v_out in zip(decay.unbind(2), gained.unbind(2)):
        states.append(state)
        state = state * w_out + v_out
    y = (r * since.exp()) @ torch.stack(states, 2) + weight @ v
    return y.flatten(2, 3)


def wkv4(logw, bonus, k, v):
    """Weighted averages of the values, with weights exp(k) that decay by logw a token.

    Numerator and denominator share the exponent `top`, so that nothing overflows.
    """
    mean, weight = torch.zeros_like(k[:, 0]), torch.zeros_like(k[:, 0])
    top = torch.full_like(k[:, 0], -1e30)
    out = []
    for kt, vt in zip(k.unbind(1), v.unbind(1)):
        now = torch.maximum(top, bonus + kt)
        old, new = (top - now).exp(), (bonus + kt - now).exp()
        out.append((old * mean + new * vt) / (old * weight + new))
        now = torch.maximum(top + logw, kt)
        old, new = (top + logw - now).exp(), (kt - now).exp()
        mean, weight, top = old * mean + new * vt, old * weight + new, now
    return torch.stack(out, 1)
