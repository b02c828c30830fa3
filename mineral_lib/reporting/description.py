"""A network as a list of steps: the plain description that Table 1 and Figures 1 and 3 are made from.

``mineral_lib.models.structure.describe_network(network, image_size_px)`` returns such steps as
dictionaries, measured on the live module; reporting knows no torch.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

Shape = tuple[int, ...]
_ECA_KERNEL = re.compile(r"ECA, k=(\d+)")
_DEPTHWISE = re.compile(r"d(\d+)x\d+, (\d+)")
_POINTWISE = re.compile(r"1x1, (\d+)")


@dataclass(frozen=True)
class Step:
    """One station on the way of a photograph through the network.

    Attributes:
        name: Name in the paper's Table 1, for example ``conv2_x``.
        detail: The layers, separated by ``|``, for example ``Downsample | d7x7, 192 | 1x1, 768 | 1x1, 192``.
        in_shape: (channels, height, width) before, or (channels,) behind the pooling.
        out_shape: The shape after.
        repeat: How many equal blocks it holds.
        kind: ``stem``, ``stage``, ``eca``, ``head`` or another word.
        kernel: For ``eca`` the size of its 1-D convolution.
        parameters: Number of trainable weights.
    """

    name: str
    detail: str
    in_shape: Shape
    out_shape: Shape
    repeat: int = 1
    kind: str = "layer"
    kernel: int | None = None
    parameters: int = 0

    @property
    def layers(self) -> list[str]:
        """The single layers of ``detail``."""
        return [part.strip() for part in self.detail.split("|") if part.strip()]

    @property
    def eca_kernel(self) -> int | None:
        """Kernel size of the attention module in or after this step, None without one."""
        found = _ECA_KERNEL.search(self.detail)
        return self.kernel or (int(found[1]) if found else None)

    @property
    def block_widths(self) -> tuple[int, int, int]:
        """Depthwise kernel size, width and hidden width of the ConvNeXt block of a stage.

        Raises:
            ValueError: The step is no ConvNeXt stage.
        """
        depthwise, pointwise = _DEPTHWISE.search(self.detail), _POINTWISE.search(self.detail)
        if not (depthwise and pointwise):
            raise ValueError(f"'{self.name}' ({self.detail}) is no stage of ConvNeXt blocks")
        return int(depthwise[1]), int(depthwise[2]), int(pointwise[1])


def as_steps(steps: Iterable[Step | Mapping[str, Any]]) -> list[Step]:
    """Steps from ``Step`` objects or plain dictionaries with the same keys; other keys are ignored."""
    known = {field.name for field in fields(Step)}
    return [
        step
        if isinstance(step, Step)
        else Step(
            **{key: tuple(value) if key.endswith("_shape") else value for key, value in step.items() if key in known}
        )
        for step in steps
    ]


def shape_text(shape: Shape) -> str:
    """A shape as the paper writes it: height × width × channels."""
    if len(shape) == 3:
        channels, height, width = shape
        return f"{height}×{width}×{channels}"
    return "×".join(str(size) for size in shape)
