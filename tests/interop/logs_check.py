#!/usr/bin/env python3
"""The files of a run in other programs: TensorBoard reads its event file, pandas and polars read its logs unchanged.

    ASYMGRAD=target/release/asymgrad PYTHON tests/interop/logs_check.py

A run that is extended by a second process, a finished run whose event file is written afterwards, and a run that diverges.
Exit 77: a package is missing.
"""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import pandas
    import polars
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError as missing:
    print(f"SKIPPED: {missing} (pip install tensorboard pandas polars)")
    sys.exit(77)

PROGRAM = os.environ.get("ASYMGRAD", "target/debug/asymgrad")
NET = ["--net", "input 3x32x32 - dense32 - dense20(R) - dense10(R*)", "--data", "digits"]


def train(folder, *arguments):
    subprocess.run([PROGRAM, "run", *NET, "--out", folder, *arguments], check=True, capture_output=True)


def lines(folder, name):
    return [json.loads(line) for line in (pathlib.Path(folder) / name).read_text().splitlines()]


def events(folder):
    files = list(pathlib.Path(folder).glob("events.out.tfevents.*"))
    assert len(files) == 1, files
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {tag: [(event.step, event.value) for event in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]}


def assert_same(found, expected, tag):
    assert [step for step, _ in found] == [step for step, _ in expected], tag
    for (_, event), (_, logged) in zip(found, expected):
        # Events store f32.
        assert event == logged or math.isnan(event) and math.isnan(logged) or math.isclose(event, logged, rel_tol=1e-6), tag


def check_events(folder):
    found, epochs = events(folder), lines(folder, "epochs.jsonl")
    assert_same(found["loss/step"], [(line["step"], float(line["loss"])) for line in lines(folder, "metrics.jsonl")], "loss/step")
    for split in ["train", "test"]:
        for metric in ["loss", "accuracy"]:
            logged = [(line["epoch"], float(line[f"{split}_{metric}"])) for line in epochs]
            assert_same(found[f"{metric}/{split}"], logged, metric)
    for layer in ["dense2", "dense3"]:
        with_angle = [(line["epoch"], line["angles"][layer]) for line in epochs if layer in line.get("angles", {})]
        assert_same(found.get(f"angles/{layer}", []), with_angle, layer)
    return len(found)


def check_tables(folder, diverged):
    for name, columns in [("metrics.jsonl", ["loss"]), ("epochs.jsonl", ["train_loss", "test_loss", "test_accuracy"])]:
        file, expected = f"{folder}/{name}", lines(folder, name)
        frames = [pandas.read_json(file, lines=True), polars.read_ndjson(file, infer_schema_length=None)]
        for frame in frames:
            assert len(frame) == len(expected)
            for column in columns:
                for found, line in zip(list(frame[column]), expected):
                    found, line = float(found), float(line[column])
                    assert found == line or math.isclose(found, line, rel_tol=1e-12) or math.isnan(found) and math.isnan(line)
                if not diverged:
                    assert "float" in str(frame[column].dtype).lower(), (column, frame[column].dtype)
    last = lines(folder, "metrics.jsonl")[-1]["loss"]
    assert (last in ("NaN", "inf", "-inf")) == diverged, last


def main():
    with tempfile.TemporaryDirectory() as folder:
        two = f"{folder}/two"
        train(two, "--epochs", "2", "--tensorboard")
        train(two, "--epochs", "4", "--tensorboard")
        count = check_events(two)
        check_tables(two, False)
        later = f"{folder}/later"
        train(later, "--epochs", "4")
        train(later, "--epochs", "4", "--tensorboard")
        assert events(later) == events(two)
        diverged = f"{folder}/diverged"
        train(diverged, "--epochs", "3", "--optimizer", "sgd", "--lr", "1e30", "--tensorboard")
        check_events(diverged)
        check_tables(diverged, True)
    print(f"{count} curves in TensorBoard; pandas and polars read the logs unchanged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
