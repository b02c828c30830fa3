"""The faster weight gradient of large depthwise convolutions against torch's own."""

import pytest
import torch
from torch import nn

from mineral_lib.compute.depthwise import DepthwiseConv2d, use_fast_depthwise
from mineral_lib.config import Settings
from mineral_lib.models.zoo import build_base
from mineral_lib.parameters import load_profile
from mineral_lib.training.train_run import make_loop


def pair(size: int, channels: int = 6, *, bias: bool = True, dtype=torch.float32) -> tuple[nn.Conv2d, nn.Conv2d]:
    """torch's convolution and ours, with equal weights."""
    torch.manual_seed(0)
    plain = nn.Conv2d(channels, channels, size, padding=size // 2, groups=channels, bias=bias, dtype=dtype)
    fast = nn.Conv2d(channels, channels, size, padding=size // 2, groups=channels, bias=bias, dtype=dtype)
    fast.load_state_dict(plain.state_dict())
    return plain, use_fast_depthwise(fast)


def gradients(layer: nn.Module, images: torch.Tensor, weights: torch.Tensor) -> list[torch.Tensor]:
    """Output, and gradients of a weighted sum of it for the input and the parameters."""
    images = images.clone().requires_grad_()
    output = layer(images)
    (output * weights).sum().backward()
    return [output.detach(), images.grad, *(parameter.grad for parameter in layer.parameters())]


@pytest.mark.parametrize("size", [5, 7])
@pytest.mark.parametrize(
    "shape", [(3, 6, 16, 16), (2, 6, 8, 5), (4, 6, 2, 2), (1, 6, 1, 1), (2, 6, 1, 9), (1, 6, 9, 2), (1, 6, 20, 20)]
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_same_output_and_gradients(size, shape, layout):
    plain, fast = pair(size, dtype=torch.float64)
    assert type(fast) is DepthwiseConv2d
    images = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout)
    weights = torch.randn(shape, dtype=torch.float64)
    for wanted, found in zip(gradients(plain, images, weights), gradients(fast, images, weights), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)


def test_bfloat16_is_as_exact_as_torch():
    plain, fast = pair(7, 24)
    images, weights = torch.randn(8, 24, 12, 12), torch.randn(8, 24, 12, 12)
    exact = gradients(plain, images, weights)
    plain.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        theirs, ours = gradients(plain, images, weights), gradients(fast, images, weights)
    assert torch.equal(theirs[0], ours[0])
    for wanted, their, our in zip(exact[1:], theirs[1:], ours[1:], strict=True):
        assert our.dtype == wanted.dtype
        assert (our - wanted).norm() <= 1.5 * (their - wanted).norm()


def test_only_large_depthwise_convolutions_with_their_own_padding():
    others = nn.ModuleList(
        [
            nn.Conv2d(8, 8, 3, padding=1, groups=8),
            nn.Conv2d(8, 8, 7, padding=3),
            nn.Conv2d(8, 16, 7, padding=3, groups=8),
            nn.Conv2d(8, 8, 7, padding=2, groups=8),
            nn.Conv2d(8, 8, 7, padding=3, groups=8, stride=2),
            nn.Conv2d(8, 8, 7, padding=3, groups=8, padding_mode="circular"),
            nn.Conv2d(8, 8, 7, padding="same", groups=8),
        ]
    )
    assert not any(isinstance(layer, DepthwiseConv2d) for layer in use_fast_depthwise(others))
    _, without_bias = pair(7, bias=False)
    without_bias(torch.randn(1, 6, 4, 4)).sum().backward()
    assert without_bias.weight.grad.abs().sum() > 0


def test_frozen_weights_still_pass_the_gradient_on():
    plain, fast = pair(7)
    for layer in (plain, fast):
        layer.requires_grad_(False)
    images, weights = torch.randn(2, 6, 5, 5), torch.randn(2, 6, 5, 5)
    assert torch.equal(gradients(fast, images, weights)[1], gradients(plain, images, weights)[1])
    assert fast.weight.grad is None


def test_the_training_loop_uses_it_and_files_do_not_know():
    settings: Settings = load_profile("test", ["model.family=paper", "train.device=cpu"])
    network = build_base("convnext_tiny", num_classes=3, options=settings.model)
    names = list(network.state_dict())
    loop = make_loop(network, settings, lr=1e-3)
    assert sum(isinstance(layer, DepthwiseConv2d) for layer in loop.network.modules()) == 18
    assert list(loop.network.state_dict()) == names
