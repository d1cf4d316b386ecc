"""What a model becomes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ModelFile:
    """A network's file."""

    content: bytes
    name: str | None
    #: What it keeps its weights in, where that is another file.
    data: bytes | None = None
    #: How many inputs it must have, where that is known.
    inputs: int | None = None
    #: Whether an activation at the end is there already if it is to be kept.
    is_settled: bool = False


@dataclass
class Affine:
    """A map from row vectors x to x·matrix + bias, and the activation behind it."""

    matrix: Any
    bias: Any
    activation: Any = "identity"

    def document(self) -> dict[str, Any]:
        """The layer in the JSON format of networks, which has a row for each output."""
        weight = [[float(value) for value in row] for row in self.matrix.T.tolist()]
        layer = {"weight": weight, "bias": [float(value) for value in self.bias.tolist()]}
        if self.activation != "identity":
            layer["activation"] = self.activation
        return layer


class Chain:
    """Layers one after the other; affine maps between two activations become one, in double precision."""

    def __init__(self, inputs: int, numpy: Any) -> None:
        self.inputs = inputs
        self.width = inputs
        self.layers: list[Affine] = []
        self._numpy = numpy

    def scale(self, factor: Any, offset: Any) -> None:
        """x ↦ factor·x + offset, entry by entry."""
        numpy = self._numpy
        factor = numpy.broadcast_to(numpy.asarray(factor, dtype=float), (self.width,))
        offset = numpy.broadcast_to(numpy.asarray(offset, dtype=float), (self.width,))
        if self._is_open():
            last = self.layers[-1]
            last.matrix, last.bias = last.matrix * factor, last.bias * factor + offset
        else:
            self.layers.append(Affine(numpy.diag(factor), offset.copy()))

    def affine(self, matrix: Any, bias: Any) -> None:
        """x ↦ x·matrix + bias."""
        numpy = self._numpy
        matrix = numpy.asarray(matrix, dtype=float)
        bias = numpy.broadcast_to(numpy.asarray(bias, dtype=float), (matrix.shape[1],))
        if matrix.shape[0] != self.width:
            raise ValueError(f"a layer takes {matrix.shape[0]} numbers and gets {self.width}")
        if self._is_open():
            last = self.layers[-1]
            is_diagonal = last.matrix.shape[0] == last.matrix.shape[1] and not numpy.any(
                last.matrix - numpy.diag(numpy.diag(last.matrix))
            )
            # A scaling in front of a layer costs one multiplication a weight.
            product = numpy.diag(last.matrix)[:, None] * matrix if is_diagonal else last.matrix @ matrix
            self.layers[-1] = Affine(product, last.bias @ matrix + bias)
        else:
            self.layers.append(Affine(matrix, bias.copy()))
        self.width = matrix.shape[1]

    def activate(self, activation: Any) -> None:
        """An activation, by its name in the JSON format, of every entry."""
        if activation == "identity":
            return
        if not self._is_open():
            self.affine(self._numpy.eye(self.width), 0.0)
        self.layers[-1].activation = activation

    def file(self, name: str) -> ModelFile:
        """The chain as a network's file."""
        if not self.layers:
            self.affine(self._numpy.eye(self.width), 0.0)
        document = {"layers": [layer.document() for layer in self.layers]}
        return ModelFile(json.dumps(document, allow_nan=False).encode(), name, inputs=self.inputs, is_settled=True)

    def _is_open(self) -> bool:
        return bool(self.layers) and self.layers[-1].activation == "identity"


def unsupported(model: object, why: str, instead: Sequence[str]) -> TypeError:
    """That a model cannot be read, and what to do."""
    return TypeError(f"{type(model).__name__} cannot be read: {why}. {'; '.join(instead)}")
