"""Models of Keras: chains of dense layers from their weights, anything else by Keras's own export to ONNX."""

from __future__ import annotations

import contextlib
import io
import math
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .file import Chain, ModelFile, unsupported

#: Activations of Keras, all with their defaults, in the words of the JSON format.
_ACTIVATIONS: dict[str, Any] = {
    "linear": "identity",
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "softplus": {"softplus": {"beta": 1.0}},
    "softsign": "softsign",
    "silu": "silu",
    "swish": "silu",
    "log_sigmoid": "log_sigmoid",
    "mish": "mish",
    "elu": {"elu": {"alpha": 1.0}},
}
#: What squashes the scores of several classes at the end.
_SQUASHINGS = ("softmax", "log_softmax", "sigmoid")
#: Layers that do nothing when a model is used.
_IDLE = (
    "InputLayer",
    "Dropout",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "Identity",
)
_ORDERLY = ("Flatten", "Reshape")


def read(model: Any, shape: Sequence[int] | None, keep_output_activation: bool) -> ModelFile:
    """The network of a built Keras model. As with other files, a softmax over the scores of classes at the end (or a sigmoid
    of several outputs) is left out unless ``keep_output_activation``; a single output keeps its sigmoid."""
    inputs = _inputs(model, shape)
    numpy = sys.modules.get("numpy")
    layers = _flat(model)
    chain = None if numpy is None or inputs is None or layers is None else Chain(inputs, numpy)
    if chain is not None and layers is not None and _add(chain, layers, keep_output_activation):
        return chain.file(str(model.name))
    return _exported(model, inputs)


def _inputs(model: Any, shape: Sequence[int] | None) -> int | None:
    own = getattr(model, "input_shape", None)
    if isinstance(own, tuple) and all(isinstance(size, int) for size in own[1:]):
        return math.prod(own[1:])
    return None if shape is None else math.prod(shape)


def _flat(model: Any) -> list[Any] | None:
    """The layers of a sequence, those of sequences in it too; ``None`` where the model is a graph or does more than that."""
    kind = type(model)
    if kind.__name__ != "Sequential" or kind.__module__.partition(".")[0] not in ("keras", "tf_keras", "tensorflow"):
        return None
    flat: list[Any] = []
    for layer in model.layers:
        if not hasattr(layer, "layers"):
            flat.append(layer)
            continue
        nested = _flat(layer)
        if nested is None:
            return None
        flat.extend(nested)
    return flat


def _add(chain: Chain, layers: list[Any], keep: bool) -> bool:
    """Adds what ``layers`` compute; whether all of them are known here."""
    last = max((index for index, layer in enumerate(layers) if type(layer).__name__ not in _IDLE), default=-1)
    for index, layer in enumerate(layers):
        kind = type(layer).__name__
        if not type(layer).__module__.startswith(("keras.", "tf_keras.", "tensorflow.")):
            return False
        if kind in _IDLE or kind in _ORDERLY:
            continue
        weights = layer.get_weights()
        activation = "linear"
        if kind == "Dense":
            # Of an image, a dense layer takes the last axis alone.
            if len(weights) not in (1, 2) or weights[0].shape[0] != chain.width or _has_more(layer):
                return False
            chain.affine(weights[0], weights[1] if layer.use_bias else 0.0)
            activation = _word(layer.activation)
        elif kind == "Activation":
            activation = _word(layer.activation)
        elif kind == "ReLU" and layer.max_value is None and not layer.negative_slope and not layer.threshold:
            activation = "relu"
        elif kind == "Softmax":
            activation = "softmax"
        elif kind == "LeakyReLU":
            chain.activate({"leaky_relu": {"slope": float(layer.negative_slope)}})
            continue
        elif kind == "Rescaling":
            chain.scale(layer.scale, layer.offset)
            continue
        elif kind == "BatchNormalization" and weights[-1].shape == (chain.width,):
            *learned, mean, variance = weights
            factor = (learned.pop(0) if layer.scale else 1.0) / (variance.astype(float) + layer.epsilon) ** 0.5
            chain.scale(factor, (learned.pop(0) if layer.center else 0.0) - mean * factor)
            continue
        else:
            return False
        if index == last and activation in _SQUASHINGS and chain.width > 1 and not keep:
            continue
        if activation not in _ACTIVATIONS:
            return False
        chain.activate(_ACTIVATIONS[activation])
    return True


def _has_more(layer: Any) -> bool:
    """Whether a layer's weights are more than its kernel and bias: quantised, or with adapters."""
    return getattr(layer, "quantization_mode", None) is not None or bool(getattr(layer, "lora_enabled", False))


def _word(activation: Any) -> str:
    """The name of one of Keras's own functions."""
    module = getattr(activation, "__module__", "") or ""
    own = module.partition(".")[0] in ("keras", "tf_keras", "tensorflow")
    return str(getattr(activation, "__name__", "")) if own else ""


def _exported(model: Any, inputs: int | None) -> ModelFile:
    """The ONNX file that Keras writes, or tf2onnx where Keras is too old for that."""
    instead = [
        "Sequences of dense layers are read as they are",
        "Keras 3.8 and newer export others to ONNX; see model.export",
    ]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.onnx"
        try:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if isinstance(getattr(model, "input_shape", None), tuple):
                    # Some of its exporters want a model that has been called.
                    model(sys.modules["numpy"].zeros((1, *model.input_shape[1:]), dtype="float32"))
                model.export(str(path), format="onnx", verbose=False)
        except Exception as error:  # whatever an exporter raises
            raise unsupported(model, f"its export to ONNX says: {error}", instead) from error
        return ModelFile(path.read_bytes(), str(model.name), inputs=inputs)
