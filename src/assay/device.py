"""Where a job computes, and the settings under which it gives the same numbers there."""

import torch

from assay.errors import AssayError


def torch_device(asked: str) -> str:
    """The torch device of a request; float32 stays float32 on it, and kernels are deterministic.

    Raises:
        AssayError: CUDA is asked for and is not there.
    """
    available = torch.cuda.is_available()
    if asked == "cuda" and not available:
        raise AssayError(
            "device: cuda is asked for in the config, and there is no CUDA device here. Allowed: auto, cpu."
        )
    if asked == "cpu" or not available:
        return "cpu"
    torch.backends.cudnn.allow_tf32 = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    return "cuda"


def device_name(asked: str) -> str:
    """The name of that device, as records keep it."""
    return torch.cuda.get_device_name() if torch_device(asked) == "cuda" else "cpu"
