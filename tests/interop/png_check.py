#!/usr/bin/env python3
"""Folders of pictures become a data set by the lines of Python in docs/guide.md, and what NumPy writes is read as it is.

    ASYMGRAD=target/release/asymgrad PYTHON tests/interop/png_check.py

Exit 77: a package is missing.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy
    from PIL import Image
except ImportError as missing:
    print(f"SKIPPED: {missing} (pip install numpy pillow)")
    sys.exit(77)

PROGRAM = pathlib.Path(os.environ.get("ASYMGRAD", "target/debug/asymgrad")).resolve()
GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "guide.md"
COUNTS = {"train": {"cat": 3, "dog": 2}, "test": {"cat": 1, "dog": 2}}


def info(file):
    return json.loads(subprocess.run([PROGRAM, "data", "info", "--json", "--data", file], check=True, capture_output=True).stdout)


def draw(generator):
    for part, classes in COUNTS.items():
        for name, count in classes.items():
            folder = pathlib.Path("photos", part, name)
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(generator.integers(0, 256, (32, 32, 3), dtype=numpy.uint8)).save(folder / f"{index}.png")


def main():
    generator = numpy.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        draw(generator)
        blocks = [block.split("```")[0] for block in GUIDE.read_text().split("```python\n")[1:]]
        (code,) = [block for block in blocks if "photos.npz" in block]
        assert len([line for line in code.splitlines() if line]) <= 10, code
        exec(code, {})
        found = info("photos.npz")
        assert (found["channels"], found["rows"], found["cols"], found["classes"]) == (3, 32, 32, 2), found
        for part, classes in COUNTS.items():
            assert found[part]["class_counts"] == list(classes.values()), found
        # The pixels are the pictures': the mean of each channel.
        files = sorted(pathlib.Path("photos/train").glob("*/*.png"))
        pixels = numpy.stack([numpy.asarray(Image.open(file)) for file in files]) / 255
        assert numpy.allclose(found["train"]["mean"], pixels.mean((0, 1, 2))), found
        # The same arrays in every form that NumPy writes.
        arrays = dict(numpy.load("photos.npz"))
        first = {name: x.transpose(0, 3, 1, 2) if x.ndim == 4 else x.astype(">i8")[:, None] for name, x in arrays.items()}
        forms = {
            "first": {name: numpy.ascontiguousarray(x) for name, x in first.items()},
            "flat": {name: x.reshape(len(x), -1) for name, x in first.items()} | {"shape": numpy.array([3, 32, 32])},
        }
        for name, form in forms.items():
            numpy.savez(f"{name}.npz", **form)
            assert info(f"{name}.npz")["checksum"] == found["checksum"], name
        net = "input 3x32x32 - dense8 - dense2(R)"
        subprocess.run([PROGRAM, "run", "--net", net, "--data", "photos.npz", "--epochs", "1"], check=True, capture_output=True)
    print("pictures become a data set, and NumPy's arrays are read in every form")


main()
