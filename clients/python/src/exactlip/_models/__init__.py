"""The file of a model: read from a path, taken as bytes, or made of a model of torch, scikit-learn or Keras.

None of these libraries is imported here: who has a model of one has imported it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from . import estimators, keras, modules
from .beside import beside
from .file import ModelFile

if TYPE_CHECKING:
    import torch

#: A path, bytes, a ``torch.nn.Module``, a scikit-learn estimator, a Keras model or an ``onnx.ModelProto``.
Model = Union[str, "os.PathLike[str]", bytes, "torch.nn.Module", Any]


def read(model: Model, shape: Sequence[int] | None, keep_output_activation: bool | None = None) -> ModelFile:
    """The file of ``model``; ``shape`` is the shape of one input, which a torch module is exported with."""
    if isinstance(model, (bytes, bytearray, memoryview)):
        return ModelFile(bytes(model), None)
    if isinstance(model, (str, os.PathLike)):
        path = Path(model)
        content = path.read_bytes()
        return ModelFile(content, path.name, beside(path, content))
    families = _families(model)
    # A Keras model on torch is a module of torch, too.
    if families & {"keras", "tf_keras", "tensorflow"} and hasattr(model, "layers"):
        return keras.read(model, shape, bool(keep_output_activation))
    if "torch" in families and hasattr(model, "named_modules"):
        return modules.read(model, shape)
    if "sklearn" in families:
        return estimators.read(model, keep_output_activation)
    if hasattr(model, "SerializeToString"):  # onnx.ModelProto
        return ModelFile(model.SerializeToString(), None)
    hint = ": load it into its module" if hasattr(model, "keys") else ""  # a state_dict of torch
    raise TypeError(
        "a model must be a path, bytes, a torch.nn.Module, a scikit-learn estimator, a Keras model or an onnx.ModelProto, "
        f"not {type(model).__name__}{hint}"
    )


def _families(model: object) -> set[str]:
    """The libraries that a model's classes come from."""
    return {kind.__module__.partition(".")[0] for kind in type(model).__mro__}


__all__ = ["Model", "ModelFile", "read"]
