# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Tensors and models for the tests of l1l2.torch."""

import l1l2
import pytest

torch = pytest.importorskip("torch")

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
L1, L2 = 0.3, 0.2
REGULARIZER = l1l2.Regularizer(L1, L2)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(1)
    torch.compiler.reset()


def values(*shape, dtype=torch.float32, requires_grad=False):
    """Normal numbers, a tenth of them 0, whose derivatives of the L1 part jump."""
    x = torch.randn(shape, dtype=torch.float64)
    x[torch.rand(shape) < 0.1] = 0.0
    return x.to(dtype).requires_grad_(requires_grad)


def smooth(*shape):
    return (torch.rand(shape, dtype=torch.float64) + 0.5).requires_grad_()


def views(dtype):
    """The same numbers with other strides."""
    x = values(4, 6, 2, 2, dtype=dtype)
    padded = torch.zeros(9, 13, 2, 2, dtype=dtype)
    padded[1::2, 1::2] = x
    return [
        x,
        x.to(memory_format=torch.channels_last),
        x.permute(1, 0, 3, 2).contiguous().permute(1, 0, 3, 2),
        padded[1::2, 1::2],
    ]


def gradient_of(x, scale=1.0):
    """What the package's own function gives."""
    gradient = torch.zeros_like(x)
    REGULARIZER.add_gradient(x.detach(), gradient, scale)
    return gradient


def model():
    return torch.nn.Sequential(
        torch.nn.Linear(7, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)
    )


def gradients_of(parameters):
    return [x.grad.clone() for x in parameters]
