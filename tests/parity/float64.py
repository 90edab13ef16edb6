#!/usr/bin/env python3
"""Per-step losses of full-size networks against an independent float64 implementation in PyTorch.

    python tests/parity/float64.py [--asymgrad target/release/asymgrad] [--data data/cifar-10-batches-bin] [NETWORK ...]

For each network: draws weights, writes them as safetensors, trains 20 steps on the first batches in file order with
`asymgrad run --init --no-shuffle --max-steps 20` and with PyTorch in float64, and prints the largest relative
difference over steps 1-5 (allowed 1e-4) and 1-20 (allowed 2e-2). Needs: torch, numpy, safetensors.
"""
import argparse, json, math, pathlib, re, subprocess, sys, tempfile
import numpy as np, torch, torch.nn.functional as F
from safetensors.numpy import save_file

NETWORKS = [
    ("input 3x32x32 - dense512 - dense256 - dense10", "ce", "adam"),
    ("input 3x32x32 - dense512 - dense256(R) - dense10(R)", "ce", "adam"),
    ("input 3x32x32 - dense512 - dense256(R*) - dense10(R*)", "hinge", "adam"),
    ("input 3x32x32 - dense512 - dense512(R*) - dense256(R*) - dense256(R*) - dense10(R*)", "ce", "nesterov"),
    ("input 3x32x32 - dense512 - dense512(R) - dense256(R) - dense256(R) - dense10(R)", "hinge", "sgd"),
    ("input 3x32x32 - conv5x5x32 - maxpool3x3/2 - conv5x5x64 - avgpool3x3/2 - conv5x5x64 - avgpool3x3/2 - dense128 - dense10", "ce", "adam"),
    ("input 3x32x32 - conv5x5x32 - maxpool3x3/2 - conv5x5x64 - avgpool3x3/2 - conv5x5x64 - avgpool3x3/2 - dense128(R*) - dense10(R*)", "hinge", "adam"),
    ("input 3x32x32 - untied5x5x32 - maxpool3x3/2 - untied5x5x64 - avgpool3x3/2 - untied5x5x64 - avgpool3x3/2 - dense128(R) - dense10(R)", "ce", "adam"),
    ("input 3x32x32 - conv3x5x16/2 - conv4x4x24/2(R) - conv2x3x24.valid(R*) - globalavgpool - dense10(R*)", "ce", "adam"),
    ("input 3x32x32 - untied4x3x8/2 - untied3x2x12/2.valid(R*) - maxpool3x3/2 - dense10(R)", "ce", "nesterov"),
    ("input 3x32x32 - untied5x5x32 - maxpool3x3/2 - untied5x5x64(R*) - avgpool3x3/2 - untied5x5x64(R) - avgpool3x3/2 - dense128 - dense10(R*)", "ce", "sgd"),
]
RATES = {"adam": 1e-3, "sgd": 1e-2, "momentum": 1e-2, "nesterov": 1e-2}


def pad(x, w, valid):
    kh, kw = w.shape[-2:]
    return x if valid else F.pad(x, ((kw - 1) // 2, kw // 2, (kh - 1) // 2, kh // 2))


def untied(x, w, stride):
    rows, cols, filters = w.shape[:3]
    u = F.unfold(x, w.shape[-2:], stride=stride).reshape(x.shape[0], -1, rows * cols)
    y = torch.einsum("bkp,pok->bop", u, w.reshape(rows * cols, filters, -1))
    return y.reshape(x.shape[0], filters, rows, cols)


def linear(kind, x, w):
    if kind == "dense": return x.flatten(1) @ w.T
    kind, stride, valid = kind; x = pad(x, w, valid)
    return F.conv2d(x, w, stride=stride) if kind == "conv" else untied(x, w, stride)


class Asymmetric(torch.autograd.Function):
    """Forward and weight gradient with W, input gradient with B."""
    @staticmethod
    def forward(c, x, w, b, kind):
        c.save_for_backward(x, w, b); c.kind = kind
        return linear(kind, x, w)

    @staticmethod
    def backward(c, g):
        x, w, b = c.saved_tensors
        with torch.enable_grad():
            x1, w1, b1 = (t.detach().requires_grad_() for t in (x, w, b))
            dx, = torch.autograd.grad(linear(c.kind, x1, b1), x1, g)
            dw, = torch.autograd.grad(linear(c.kind, x1, w1), w1, g)
        return dx, dw, None, None


def parse(text):
    shape, layers, counts = (3, 32, 32), [], {"conv": 0, "dense": 0}
    for token in text.split(" - ")[1:]:
        rule = (re.search(r"\((.*)\)", token) or [None, ""])[1]; token = token.split("(")[0]
        kind, numbers = re.match(r"[a-z]+", token)[0], [int(n) for n in re.findall(r"\d+", token)]
        if kind == "globalavgpool":
            layers.append((kind, None, rule)); shape = (shape[0], 1, 1); continue
        if kind.endswith("pool"):
            layers.append((kind, None, rule)); c, h, w = shape; shape = (c, math.ceil((h - 3) / 2) + 1, math.ceil((w - 3) / 2) + 1); continue
        name = "dense" if kind == "dense" else "conv"; counts[name] += 1; label = f"{name}{counts[name]}"; c = shape[0]
        if kind == "dense":
            sizes, bias, fan, shape = (numbers[0], math.prod(shape)), (numbers[0],), numbers[0] + math.prod(shape), (numbers[0],)
        else:
            kh, kw, o, s = (numbers + [1])[:4]; valid = ".valid" in token; fan = kh * kw * (c + o)
            h, w = (math.ceil((n - k + 1 if valid else n) / s) for n, k in zip(shape[1:], (kh, kw))); shape = (o, h, w)
            sizes, bias = ((o, c, kh, kw), (o,)) if kind == "conv" else ((h, w, o, c, kh, kw), (o, h, w)); kind = (kind, s, valid)
        layers.append((kind, (label, sizes, bias, math.sqrt(6 / fan)), rule))
    return layers


def loss_of(name, z, t):
    return F.cross_entropy(z, t) if name == "ce" else F.multi_margin_loss(z, t) * z.shape[1]


def reference(layers, tensors, loss, optimizer, x, t, steps, batch):
    P = {k: torch.tensor(v, dtype=torch.float64, requires_grad=not k.endswith("feedback")) for k, v in tensors.items()}
    trained = [p for k, p in P.items() if not k.endswith("feedback")]; rate = RATES[optimizer]
    make = {"adam": lambda: torch.optim.Adam(trained, lr=rate), "sgd": lambda: torch.optim.SGD(trained, lr=rate),
            "momentum": lambda: torch.optim.SGD(trained, lr=rate, momentum=.9),
            "nesterov": lambda: torch.optim.SGD(trained, lr=rate, momentum=.9, nesterov=True)}
    opt, losses = make[optimizer](), []
    for s in range(steps):
        h = x[s * batch:(s + 1) * batch]
        for i, (kind, spec, rule) in enumerate(layers):
            if kind == "maxpool": h = F.max_pool2d(h, 3, 2, ceil_mode=True); continue
            if kind == "globalavgpool": h = F.adaptive_avg_pool2d(h, 1); continue
            if kind == "avgpool": h = F.avg_pool2d(h, 3, 2, ceil_mode=True, count_include_pad=False); continue
            w = P[spec[0] + ".weight"]; b = P.get(spec[0] + ".feedback", w.detach()); bias = P[spec[0] + ".bias"]
            if kind[0] == "conv": bias = bias[:, None, None]
            h = Asymmetric.apply(h.flatten(1) if kind == "dense" else h, w, b, kind) + bias
            if i + 1 < len(layers): h = F.relu(h)
        l = loss_of(loss, h, t[s * batch:(s + 1) * batch]); losses.append(l.item()); opt.zero_grad(); l.backward()
        before = {k: p.detach().clone() for k, p in P.items()}; opt.step()
        for kind, spec, rule in layers:
            if rule == "R*" and spec[0] + ".feedback" in P:
                P[spec[0] + ".feedback"] += P[spec[0] + ".weight"].detach() - before[spec[0] + ".weight"]
    return losses


def main():
    p = argparse.ArgumentParser(); p.add_argument("--asymgrad", default="target/release/asymgrad"); p.add_argument("--data", default="data/cifar-10-batches-bin")
    p.add_argument("--steps", type=int, default=20); p.add_argument("--batch", type=int, default=128); p.add_argument("--kernels", default="auto"); p.add_argument("only", nargs="*")
    a = p.parse_args(); raw = np.fromfile(pathlib.Path(a.data) / "data_batch_1.bin", dtype=np.uint8).reshape(-1, 3073)
    x = torch.tensor(raw[:a.steps * a.batch, 1:].reshape(-1, 3, 32, 32) / 255., dtype=torch.float64); t = torch.tensor(raw[:a.steps * a.batch, 0].astype(np.int64))
    failed = False
    for text, loss, optimizer in NETWORKS:
        if a.only and text not in a.only: continue
        layers, draw, tensors, first = parse(text), np.random.default_rng(7), {}, True
        for kind, spec, rule in layers:
            if spec is None: continue
            label, sizes, bias, scale = spec; uniform = lambda s, k: draw.uniform(-k, k, s).astype(np.float32)
            tensors[label + ".weight"] = uniform(sizes, scale); tensors[label + ".bias"] = uniform(bias, .1)
            if rule and not first: tensors[label + ".feedback"] = uniform(sizes, scale)
            first = False
        with tempfile.TemporaryDirectory() as folder:
            save_file(tensors, folder + "/init.safetensors")
            subprocess.run([a.asymgrad, "run", "--net", text, "--loss", loss, "--optimizer", optimizer, "--init", folder + "/init.safetensors", "--no-shuffle", "--data", a.data,
                            "--batch", str(a.batch), "--max-steps", str(a.steps), "--kernels", a.kernels, "--out", folder + "/run"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            got = [float(json.loads(line)["loss"]) for line in open(folder + "/run/metrics.jsonl")]
        want = reference(layers, tensors, loss, optimizer, x, t, a.steps, a.batch)
        error = [abs(g - w) / abs(w) for g, w in zip(got, want, strict=True)]
        ok = max(error[:5]) <= 1e-4 and max(error) <= 2e-2; failed |= not ok
        print(f"{'ok    ' if ok else 'FAILED'} {max(error[:5]):.1e} {max(error):.1e}  loss {got[0]:.3f} to {got[-1]:.3f}  {optimizer}, {loss}: {text}", flush=True)
    sys.exit(failed)


main()
