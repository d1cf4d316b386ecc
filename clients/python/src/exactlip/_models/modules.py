"""Modules of torch, exported as they are in evaluation mode, with the weights that they compute as numbers."""

from __future__ import annotations

import copy
import io
import math
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from .file import ModelFile


def read(model: Any, shape: Sequence[int] | None) -> ModelFile:
    """The ONNX file of ``model``, which is left as it was; ``shape`` is that of one input.

    Compiled and distributed modules are exported as what they wrap. A weight that is computed from others, by
    ``torch.nn.utils.parametrize`` (spectral norm, weight norm, orthogonal, the layers of deel-torchlip) or by the older
    hooks of ``torch.nn.utils``, is exported as the numbers that it is.
    """
    torch = sys.modules["torch"]
    model = unwrapped(model)
    if shape is None:
        raise ValueError(
            "the shape of an input is not known: give box(…, shape=…), or a domain with the ends or the center as arrays"
        )
    with _evaluation(model) as original:
        frozen = _frozen(torch, original)
        some = next((tensor for tensor in frozen.parameters()), None)
        options = {} if some is None else {"dtype": some.dtype, "device": some.device}
        example = _example(torch, frozen, tuple(shape), options)
        file = io.BytesIO()
        with warnings.catch_warnings():
            # The tracing exporter is named deprecated in newer versions: it needs no further packages and is enough here.
            warnings.simplefilter("ignore")
            torch.onnx.export(frozen, (example,), file, **_exporter(torch))
    return ModelFile(file.getvalue(), _name(model), inputs=math.prod(shape))


def unwrapped(model: Any) -> Any:
    """What a compiled, parallel or distributed module wraps."""
    while True:
        kind = type(model).__name__
        if hasattr(model, "_orig_mod"):
            model = model._orig_mod
        elif kind in ("DataParallel", "DistributedDataParallel", "FullyShardedDataParallel") and hasattr(
            model, "module"
        ):
            model = model.module
        else:
            return model


class _evaluation:
    """A module in evaluation mode (dropout and batch normalisation as in use), each part as it was afterwards."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.modes = [(part, part.training) for part in model.modules()]

    def __enter__(self) -> Any:
        self.model.eval()
        return self.model

    def __exit__(self, *error: object) -> None:
        for part, training in self.modes:
            part.training = training


def _frozen(torch: Any, model: Any) -> Any:
    """A copy whose weights are no longer computed; the module itself where nothing in it computes any."""
    compiled = [name for name, part in model.named_modules() if hasattr(part, "_orig_mod")]
    if not compiled and not any(_parametrized(part) or _hooks(part) for part in model.modules()):
        return model
    # Weights that older hooks have computed carry a history of gradients, which torch does not copy.
    memo = {
        id(value): value.detach().clone()
        for part in model.modules()
        for value in vars(part).values()
        if isinstance(value, torch.Tensor) and not value.is_leaf
    }
    frozen = copy.deepcopy(model, memo)
    for name in sorted(compiled, key=len, reverse=True):
        parent, _, own = name.rpartition(".")
        setattr(frozen.get_submodule(parent), own, unwrapped(frozen.get_submodule(name)))
    with torch.no_grad():
        for part in list(frozen.modules()):
            _settle(torch, part, _parametrized(part))
            for hook in _hooks(part):
                _remove(torch, part, hook)
    return frozen


def _settle(torch: Any, part: Any, names: list[str]) -> None:
    """Makes parametrized tensors of a copied module plain ones. ``remove_parametrizations`` would take the property from the
    class, which the copy shares with its original."""
    if not names:
        return
    values = {name: getattr(part, name).detach().clone() for name in names}
    part.__class__ = torch.nn.utils.parametrize.type_before_parametrizations(part)
    del part._modules["parametrizations"]
    for name, value in values.items():
        part.register_parameter(name, torch.nn.Parameter(value, requires_grad=False))


def _parametrized(part: Any) -> list[str]:
    """The tensors of a module that ``torch.nn.utils.parametrize`` computes."""
    return list(part.parametrizations) if "parametrizations" in getattr(part, "_modules", {}) else []


def _hooks(part: Any) -> list[Any]:
    """The older hooks that compute a weight before each call."""
    hooks = getattr(part, "_forward_pre_hooks", {}).values()
    return [hook for hook in hooks if type(hook).__module__ in _OLD_HOOKS and hasattr(hook, "remove")]


_OLD_HOOKS = ("torch.nn.utils.spectral_norm", "torch.nn.utils.weight_norm")


def _remove(torch: Any, part: Any, hook: Any) -> None:
    """Takes a hook out, which leaves the weight as a parameter."""
    if type(hook).__module__.endswith("spectral_norm"):
        torch.nn.utils.remove_spectral_norm(part, hook.name)
    else:
        torch.nn.utils.remove_weight_norm(part, hook.name)


def _example(torch: Any, model: Any, shape: tuple[int, ...], options: dict[str, Any]) -> Any:
    """An input that the model takes: one of ``shape``, in a batch of one unless the shape has one already."""
    shapes = [(1, *shape), shape]
    if len(shape) == 2 and shape[0] == 1:
        shapes.reverse()
    first: Exception | None = None
    for candidate in shapes:
        example = torch.zeros(candidate, **options)
        try:
            with torch.no_grad():
                model(example)
        except Exception as error:  # whatever a module raises
            first = first or error
        else:
            return example
    raise ValueError(f"the module takes no input of the shape {shapes[0]} or {shapes[1]}: {first}") from first


def _name(model: Any) -> str:
    """A module's name; a scripted one keeps that of its origin."""
    return str(getattr(model, "original_name", None) or type(model).__name__)


def _exporter(torch: Any) -> dict[str, Any]:
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2] if part.isdigit())
    return {"dynamo": False} if version >= (2, 5) else {}
