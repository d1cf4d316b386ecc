"""The file of a model: read from a path, taken as bytes, or exported from torch."""

from __future__ import annotations

import io
import math
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    import torch

Model = Union[str, "os.PathLike[str]", bytes, "torch.nn.Module"]


@dataclass(frozen=True)
class ModelFile:
    """A network's file."""

    content: bytes
    name: str | None
    #: What it keeps its weights in, where that is another file.
    data: bytes | None = None
    #: How many inputs it must have, where that is known.
    inputs: int | None = None


def read(model: Model, shape: Sequence[int] | None) -> ModelFile:
    """The file of ``model``; ``shape`` is the shape of one input, which a torch module is exported with."""
    if isinstance(model, (bytes, bytearray, memoryview)):
        return ModelFile(bytes(model), None)
    if isinstance(model, (str, os.PathLike)):
        path = Path(model)
        content = path.read_bytes()
        return ModelFile(content, path.name, _beside(path, content))
    # Who has a torch module has imported torch.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        return _exported(torch, model, shape)
    raise TypeError(f"a model must be a path, bytes or a torch.nn.Module, not {type(model).__name__}")


def _beside(path: Path, content: bytes) -> bytes | None:
    """The file beside an ONNX model in which exporters put its weights, if the model names it."""
    for suffix in (".data", "_data"):
        file = path.with_name(path.name + suffix)
        if file.name.encode() in content and file.is_file():
            return file.read_bytes()
    return None


def _exported(torch: Any, model: Any, shape: Sequence[int] | None) -> ModelFile:
    if shape is None:
        raise ValueError(
            "the shape of an input is not known: give box(…, shape=…), or a domain with the ends or the center as arrays"
        )
    some = next((tensor for tensor in model.parameters()), None)
    options = {} if some is None else {"dtype": some.dtype, "device": some.device}
    was_training = model.training
    model.eval()  # dropout and batch normalisation as in use
    try:
        example = _example(torch, model, tuple(shape), options)
        file = io.BytesIO()
        with warnings.catch_warnings():
            # The tracing exporter is named deprecated in newer versions: it needs no further packages and is enough here.
            warnings.simplefilter("ignore")
            torch.onnx.export(model, (example,), file, **_exporter(torch))
    finally:
        model.train(was_training)
    return ModelFile(file.getvalue(), type(model).__name__, inputs=math.prod(shape))


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


def _exporter(torch: Any) -> dict[str, Any]:
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2] if part.isdigit())
    return {"dynamo": False} if version >= (2, 5) else {}
