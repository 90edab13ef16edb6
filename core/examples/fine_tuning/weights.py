r"""Trains the network of this example with PyTorch. What it saved was exported to weights.rs:

    python core/examples/fine_tuning/weights.py weights.safetensors
    asymgrad export weights.safetensors --net "input 24 - dense16 - dense8 - dense4" \
        --rust core/examples/fine_tuning/weights.rs
"""

import sys

import torch
from safetensors.torch import save_file

torch.manual_seed(1)
time = torch.arange(24.0)
patterns = torch.stack([torch.sin(0.25 * (source + 1) * time) for source in range(4)])
layers = [torch.nn.Linear(24, 16), torch.nn.Linear(16, 8), torch.nn.Linear(8, 4)]
network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for _ in range(400):
    sources = torch.randint(4, (64,))
    inputs = patterns[sources] + 0.5 * torch.randn(64, 24)
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(network(inputs), sources).backward()
    optimizer.step()

names = {f"dense{number}.{name}": value for number, layer in enumerate(layers, 1) for name, value in layer.state_dict().items()}
save_file(names, sys.argv[1])
