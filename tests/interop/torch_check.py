#!/usr/bin/env python3
"""Exchanges weights between asymgrad and PyTorch: the same network gives the same logits, up to 1e-5 of the largest of an image.

    ASYMGRAD=target/release/asymgrad PYTHON tests/interop/torch_check.py

For tied and untied convolutions, pooling and dense layers: exported weights are loaded into an independent forward pass in
PyTorch, and weights drawn by PyTorch initialize a run with --init. Exit 77: PyTorch or safetensors is missing.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    import torch.nn.functional as F
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    print(f"SKIPPED: {missing} (pip install torch safetensors)")
    sys.exit(77)

PROGRAM = os.environ.get("ASYMGRAD", "target/debug/asymgrad")
TOLERANCE = 1e-5
NETWORKS = [
    "input 3x32x32 - dense64 - dense32(R) - dense10(R*)",
    "input 3x32x32 - conv5x5x8 - maxpool3x3/2 - conv3x3x6 - avgpool3x3/2 - dense20(R) - dense10(R*)",
    "input 3x32x32 - maxpool3x3/2 - untied3x3x4(R*) - avgpool3x3/2 - dense10(R)",
    "input 3x32x32 - conv5x3x8/2 - conv4x2x6(R) - conv3x4x8/3.valid(R*) - globalavgpool - dense10(R)",
    "input 3x32x32 - maxpool3x3/2 - untied4x3x4/2.valid - untied2x3x6(R) - conv1x1x5/2 - dense10(R)",
]


def program(*arguments):
    return subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, text=True).stdout


def digits():
    """The embedded test images, from the file of the repository: 8 x 8 enlarged to 3 x 32 x 32."""
    raw = (pathlib.Path(__file__).parent / "../../data/digits.bin").resolve().read_bytes()
    small = torch.tensor(list(raw[: 1797 * 64]), dtype=torch.float64).reshape(1797, 1, 8, 8)
    levels = torch.floor((255 * small + 8) / 16) / 255
    return levels.repeat_interleave(4, 2).repeat_interleave(4, 3).repeat(1, 3, 1, 1)[1500:].float()


def pool(x, kind):
    # Windows of 3 with stride 2, clipped at the bottom and right edges; the average is over the pixels inside.
    if kind == "max":
        return F.max_pool2d(x, 3, 2, ceil_mode=True)
    return F.avg_pool2d(x, 3, 2, ceil_mode=True, count_include_pad=False)


def geometry(layer):
    """Stride, and whether there is no padding."""
    sizes, dot, _ = layer.partition(".valid")
    return int(sizes.partition("/")[2] or 1), bool(dot)


def pad(x, weight, valid):
    # Floor on the left and the top, as padding="same" of PyTorch.
    kh, kw = weight.shape[-2:]
    return x if valid else F.pad(x, ((kw - 1) // 2, kw // 2, (kh - 1) // 2, kh // 2))


def conv(x, weight, bias, stride, valid):
    if valid:
        return F.conv2d(x, weight, bias, stride)
    kh, kw = weight.shape[-2:]
    if kh % 2 and kw % 2:
        return F.conv2d(x, weight, bias, stride, padding=(kh // 2, kw // 2))
    return F.conv2d(x, weight, bias, padding="same")[..., ::stride, ::stride]


def untied(x, weight, bias, stride, valid):
    rows, cols, out, inputs, kh, kw = weight.shape
    patches = F.unfold(pad(x, weight, valid), (kh, kw), stride=stride).transpose(1, 2)  # image, position, input*tap
    flat = weight.reshape(rows * cols, out, inputs * kh * kw)
    result = torch.einsum("npi,poi->nop", patches, flat)
    return result.reshape(len(x), out, rows, cols) + bias


def forward(network, tensors, x):
    counts = {"conv": 0, "dense": 0}
    layers = [layer.split("(")[0] for layer in network.split(" - ")[1:]]
    for index, layer in enumerate(layers):
        if layer == "globalavgpool":
            x = F.adaptive_avg_pool2d(x, 1)
            continue
        if layer.startswith(("max", "avg")):
            x = pool(x, layer[:3])
            continue
        kind = "dense" if layer.startswith("dense") else "conv"
        counts[kind] += 1
        weight, bias = (tensors[f"{kind}{counts[kind]}.{part}"] for part in ("weight", "bias"))
        if layer.startswith("dense"):
            x = F.linear(x.flatten(1), weight, bias)
        elif layer.startswith("untied"):
            x = untied(x, weight, bias, *geometry(layer))
        else:
            x = conv(x, weight, bias, *geometry(layer))
        if index < len(layers) - 1:
            x = F.relu(x)
    return x


def compare(network, tensors, run, images, folder, what):
    program("predict", run, "-o", f"{folder}/logits.safetensors")
    ours = load_file(f"{folder}/logits.safetensors")["logits"]
    theirs = forward(network, {name: tensor.double() for name, tensor in tensors.items()}, images.double())
    # Relative to the largest logit of the image: in float32 a logit of 100 has no fifth decimal, nor has a sum that cancels.
    distance = ((ours - theirs).abs() / theirs.abs().amax(1, keepdim=True).clamp(min=1)).max().item()
    assert distance <= TOLERANCE, f"{network}: {what}: logits differ by {distance}"
    assert (ours.argmax(1) == theirs.argmax(1)).all(), network
    assert ours.std() > 0.01
    print(f"{what}: logits differ by at most {distance:.1e}: {network}")


def main():
    images = digits()
    with tempfile.TemporaryDirectory() as folder:
        for number, network in enumerate(NETWORKS):
            run = f"{folder}/run{number}"
            train = ["run", "--net", network, "--data", "digits"]
            program(*train, "--epochs", "1", "--out", run)
            program("export", run, "-o", f"{folder}/ours.safetensors")
            tensors = load_file(f"{folder}/ours.safetensors")
            compare(network, tensors, run, images, folder, "asymgrad's weights in PyTorch")

            torch.manual_seed(number)
            drawn = {name: torch.randn_like(tensor) * 0.05 for name, tensor in tensors.items()}
            save_file(drawn, f"{folder}/theirs.safetensors")
            # At this rate a step changes no weight, so the run keeps those that PyTorch drew.
            program(*train, "--init", f"{folder}/theirs.safetensors", "--optimizer", "sgd", "--lr", "1e-30",
                    "--max-steps", "1", "--out", f"{run}-init")
            compare(network, drawn, f"{run}-init", images, folder, "PyTorch's weights in asymgrad")
    return 0


if __name__ == "__main__":
    sys.exit(main())
