"""The weight gradient of ConvNeXt's depthwise convolutions: ours beside torch's, time and rounding error.

    python benchmarks/depthwise.py

The four stages of ConvNeXt-T (7 x 7) at 64 and 224 px and those of the compact one (3 x 3) at 64 px, channels last, in
one process, in turn. "Used" says what the training loop takes: ours for kernels of 5 and more, except in float32 on
wide maps. The error is the relative one against torch's gradient in float64.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from turns import table

from mineral_lib.compute.depthwise import NARROW, SMALLEST_KERNEL, weight_gradient
from results import append

# (network, images, kernel, (channels, side of the map) of each stage)
CASES = [
    ("ConvNeXt-T, 64 px", 32, 7, ((96, 16), (192, 8), (384, 4), (768, 2))),
    ("ConvNeXt-T, 224 px", 16, 7, ((96, 56), (192, 28), (384, 14), (768, 7))),
    ("compact ConvNeXt, 64 px", 32, 3, ((24, 16), (48, 8), (96, 4), (192, 4))),
]


def torch_gradient(x: torch.Tensor, gradient: torch.Tensor, size: int) -> torch.Tensor:
    """The same by torch."""
    channels = x.shape[1]
    return torch.nn.grad.conv2d_weight(x, (channels, 1, size, size), gradient, padding=size // 2, groups=channels)


def milliseconds(ways: list[Callable[[], object]], seconds: float) -> list[float]:
    """Median time of each, in turn."""
    times: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way()
    end = time.perf_counter() + seconds * len(ways)
    while time.perf_counter() < end or len(times[0]) < 5:
        for way, found in zip(ways, times, strict=True):
            start = time.perf_counter()
            way()
            found.append(1e3 * (time.perf_counter() - start))
    return [median(found) for found in times]


def error(found: torch.Tensor, exact: torch.Tensor) -> float:
    """Relative error over all weights."""
    return ((found.double() - exact).norm() / exact.norm()).item()


def measure(
    name: str, batch: int, size: int, channels: int, side: int, dtype: torch.dtype, seconds: float
) -> list[str]:
    """A line of the table."""
    torch.manual_seed(0)
    x, gradient = (
        torch.randn(batch, channels, side, side).to(dtype).contiguous(memory_format=torch.channels_last)
        for _ in range(2)
    )
    theirs, ours = milliseconds(
        [lambda: torch_gradient(x, gradient, size), lambda: weight_gradient(x, gradient, size)], seconds
    )
    exact = torch_gradient(x.double(), gradient.double(), size)
    errors = [error(way(x, gradient, size), exact) for way in (torch_gradient, weight_gradient)]
    used = size >= SMALLEST_KERNEL and not (dtype == torch.float32 and side > NARROW)
    return [
        name,
        f"{batch} x {channels} x {side} x {side}",
        "fp32" if dtype == torch.float32 else "bf16",
        f"{theirs:.2f}",
        f"{ours:.2f}",
        f"{theirs / ours:.1f}",
        *(f"{value:.0e}" for value in errors),
        "ours" if used else "torch's",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = [
        measure(name, batch, size, channels, side, dtype, options.seconds)
        for name, batch, size, stages in CASES
        for channels, side in stages
        for dtype in (torch.float32, torch.bfloat16)
    ]
    head = [
        "network",
        "batch",
        "precision",
        "torch, ms",
        "ours, ms",
        "torch / ours",
        "torch's error",
        "our error",
        "used",
    ]
    body = f"torch {torch.__version__.split('+')[0]}, {options.threads} threads.\n\n{table(head, rows)}"
    append("Weight gradient of depthwise convolutions", "python benchmarks/depthwise.py", body)


if __name__ == "__main__":
    main()
