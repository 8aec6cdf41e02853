"""The small operator calls that are timed, by the same names as in packages/cli/src/bench/small-operators.ts."""

import time

import torch
from torch.nn import functional

CALLS_PER_ROUND = 100


def small_operators():
    x, y = torch.ones(2, 2), torch.full((2, 2), 0.5)
    return {
        "add": lambda: x + y,
        "add in place": lambda: x.add_(y),
        "multiply by a number": lambda: x * 2.5,
        "sum": lambda: x.sum(),
        "sum over an axis": lambda: x.sum(0),
        "mean over an axis": lambda: x.mean(0, keepdim=True),
        "matrix product": lambda: x @ y,
        "silu": lambda: functional.silu(x),
        "softmax": lambda: x.softmax(-1),
        "reshape": lambda: x.reshape(4),
        "permute": lambda: x.permute(1, 0),
        "narrow": lambda: x.narrow(0, 0, 1),
        "concatenate": lambda: torch.cat([x, y], 0),
        "layer norm": lambda: functional.layer_norm(x, (2,)),
        "zeros": lambda: torch.zeros(2, 2),
        "shape": lambda: x.shape,
    }


def time_operator(name, rounds):
    """Microseconds per call, one number per round."""
    call = small_operators()[name]
    times = []
    for _ in range(rounds):
        begun = time.perf_counter_ns()
        for _ in range(CALLS_PER_ROUND):
            call()
        times.append((time.perf_counter_ns() - begun) / 1000 / CALLS_PER_ROUND)
    return times
