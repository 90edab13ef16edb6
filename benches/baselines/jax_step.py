#!/usr/bin/env python3
"""Baseline: milliseconds of a training step of the four networks in JAX on the CPU.

    pip install jax
    taskset -c 0,1 python jax_step.py [--net DS DD PG PGU] [--batch 128 16 1] [--blocks 7]

A step is the forward pass, cross-entropy, the backward pass with fixed random feedback in the last dense layer, and Adam, in one
compiled function with donated state, on random images in memory. The untied layers are jax.lax.conv_general_dilated_local, JAX's own
locally connected layer. The median of the blocks counts; one JSON line for each network and batch.
"""
import argparse
import json
import os
import statistics
import time
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

WIDTHS = {"DS": [3072, 512, 256, 10], "DD": [3072, 512, 512, 256, 256, 10], "PG": [1024, 128, 10], "PGU": [1024, 128, 10]}
# Channels in and out, and rows.
CONVOLUTIONS = [(3, 32, 32), (32, 64, 16), (64, 64, 8)]
# Steps of a block.
STEPS = {"DS": 20, "DD": 20, "PG": 3, "PGU": 1}
NAMES = ("NCHW", "OIHW", "NCHW")


@jax.custom_vjp
def random_feedback(x, weight, feedback):
    """x W, whose input gradient is computed with the feedback."""
    return x @ weight


random_feedback.defvjp(
    lambda x, weight, feedback: (x @ weight, (x, feedback)),
    lambda kept, g: (g @ kept[1].T, kept[0].T @ g, jnp.zeros_like(kept[1])),
)


def pool(x, maximum):
    window = ((1, 1, 3, 3), (1, 1, 2, 2), [(0, 0), (0, 0), (0, 1), (0, 1)])
    if maximum:
        return lax.reduce_window(x, -jnp.inf, lax.max, *window)
    return lax.reduce_window(x, 0.0, lax.add, *window) / lax.reduce_window(jnp.ones_like(x), 0.0, lax.add, *window)


def loss(parameters, feedback, x, labels, untied):
    for index, weight in enumerate(parameters["convolutions"]):
        if untied:
            x = lax.conv_general_dilated_local(x, weight, (1, 1), "SAME", (5, 5), dimension_numbers=NAMES)
        else:
            x = lax.conv_general_dilated(x, weight, (1, 1), "SAME", dimension_numbers=NAMES)
        x = pool(jax.nn.relu(x), index == 0)
    x = x.reshape(x.shape[0], -1)
    for weight, bias in parameters["dense"][:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = parameters["dense"][-1]
    logits = random_feedback(x, weight, feedback) + bias
    return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels])


@partial(jax.jit, static_argnums=7, donate_argnums=(0, 1, 2))
def step(parameters, mean, square, t, feedback, x, labels, untied):
    gradient = jax.grad(loss)(parameters, feedback, x, labels, untied)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradient)
    rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    parameters = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), parameters, mean, square)
    return parameters, mean, square


def network(name, key):
    """Parameters, and the feedback of the last layer."""
    convolutions = []
    if name in ("PG", "PGU"):
        for inputs, outputs, rows in CONVOLUTIONS:
            shape = (outputs, inputs * 25, rows, rows) if name == "PGU" else (outputs, inputs, 5, 5)
            convolutions.append(0.02 * jax.random.normal(key, shape))
    dense = []
    for inputs, outputs in zip(WIDTHS[name], WIDTHS[name][1:]):
        bound = (6 / (inputs + outputs)) ** 0.5
        dense.append((jax.random.uniform(key, (inputs, outputs), minval=-bound, maxval=bound), jnp.zeros(outputs)))
    feedback = jax.random.uniform(jax.random.key(1), dense[-1][0].shape, minval=-0.1, maxval=0.1)
    return {"convolutions": convolutions, "dense": dense}, feedback


def measure(name, batch, blocks):
    key = jax.random.key(0)
    parameters, feedback = network(name, key)
    mean, square = jax.tree.map(jnp.zeros_like, parameters), jax.tree.map(jnp.zeros_like, parameters)
    shape = (batch, 3072) if name in ("DS", "DD") else (batch, 3, 32, 32)
    x, labels = jax.random.uniform(key, shape), jax.random.randint(key, (batch,), 0, 10)
    times, t = [], 0.0
    # The first block compiles, and is not counted.
    for _ in range(blocks + 1):
        start = time.perf_counter()
        for _ in range(STEPS[name]):
            t += 1
            parameters, mean, square = step(parameters, mean, square, t, feedback, x, labels, name == "PGU")
        jax.block_until_ready(parameters)
        times.append((time.perf_counter() - start) / STEPS[name] * 1e3)
    return statistics.median(times[1:])


parser = argparse.ArgumentParser()
parser.add_argument("--net", nargs="+", default=list(WIDTHS), choices=WIDTHS)
parser.add_argument("--batch", nargs="+", type=int, default=[128, 16, 1])
parser.add_argument("--blocks", type=int, default=7)
options = parser.parse_args()
for name in options.net:
    for batch in options.batch:
        # A step of the untied network takes seconds.
        blocks = min(options.blocks, 2) if name == "PGU" else options.blocks
        ms = round(measure(name, batch, blocks), 3)
        print(json.dumps({"net": name, "threads": len(os.sched_getaffinity(0)), "batch": batch, "ms": ms, "by": "JAX"}), flush=True)
