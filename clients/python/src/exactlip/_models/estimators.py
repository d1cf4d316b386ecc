"""Estimators of scikit-learn: scores as layers, read from the fitted attributes."""

from __future__ import annotations

import sys
from typing import Any

from .file import Chain, ModelFile, unsupported

#: scikit-learn's activations in the words of the JSON format.
_ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
#: Linear models whose prediction is not linear.
_WITH_LINKS = {"PoissonRegressor", "GammaRegressor", "TweedieRegressor"}


def read(model: Any, keep_output_activation: bool | None = None) -> ModelFile:
    """The network of a fitted estimator: multi-layer perceptrons and linear models, alone or behind scalers and projections in
    a pipeline; anything else by way of skl2onnx, where that is installed.

    The outputs are the scores: what a regressor predicts, and a classifier's ``decision_function`` (for a perceptron what
    stands before its softmax or logistic function); for two classes that is one score. The probability of the second of
    two classes is asked for with ``keep_output_activation=True``.
    """
    numpy = sys.modules["numpy"]
    inputs = getattr(model, "n_features_in_", None)
    if inputs is None:
        raise ValueError(f"{type(model).__name__} is not fitted: call fit first")
    chain = Chain(int(inputs), numpy)
    try:
        _add(chain, model, numpy)
    except NotImplementedError as error:
        return _converted(model, int(inputs), numpy, str(error))
    if keep_output_activation and hasattr(model, "predict_proba"):
        if chain.width > 1:
            raise unsupported(
                model, "a softmax at its end is no part of this format", ["leave keep_output_activation out"]
            )
        chain.activate("sigmoid")
    return chain.file(type(_last(model)).__name__)


def _add(chain: Chain, model: Any, numpy: Any) -> None:
    """Adds what ``model`` computes; ``NotImplementedError`` names what is not known here."""
    kind = type(model).__name__
    if hasattr(model, "best_estimator_"):  # a search for parameters
        _add(chain, model.best_estimator_, numpy)
    elif hasattr(model, "steps"):  # a pipeline
        for _, step in model.steps:
            if step is not None and not isinstance(step, str):
                _add(chain, step, numpy)
    elif hasattr(model, "coefs_") and hasattr(model, "intercepts_"):
        activation = _ACTIVATIONS.get(str(model.activation))
        if activation is None:
            raise NotImplementedError(f"the activation {model.activation!r} is not known")
        # Behind the scores of classes stands what turns them into probabilities; a regressor's may be that of a link.
        if getattr(model, "out_activation_", "identity") not in ("identity", "softmax", "logistic"):
            raise NotImplementedError(f"its last activation {model.out_activation_!r} is not known")
        for index, (matrix, bias) in enumerate(zip(model.coefs_, model.intercepts_)):
            chain.affine(matrix, bias)
            if index + 1 < len(model.coefs_):
                chain.activate(activation)
    elif _is_linear(model):
        matrix = numpy.asarray(model.coef_, dtype=float)
        matrix = matrix.reshape(1, -1) if matrix.ndim == 1 else matrix
        chain.affine(matrix.T, numpy.asarray(model.intercept_, dtype=float).reshape(-1))
    elif not _scale(chain, model, numpy):
        raise NotImplementedError(f"{kind} is not known")


def _is_linear(model: Any) -> bool:
    kind = type(model)
    is_of_family = kind.__module__.startswith(("sklearn.linear_model", "sklearn.svm")) and "_SV" not in kind.__name__
    has_weights = hasattr(model, "coef_") and hasattr(model, "intercept_") and not hasattr(model, "dual_coef_")
    return is_of_family and has_weights and kind.__name__ not in _WITH_LINKS


def _scale(chain: Chain, model: Any, numpy: Any) -> bool:
    """Adds a scaler or a projection; whether it is one."""
    kind = type(model).__name__
    if kind == "StandardScaler":
        factor = 1.0 if model.scale_ is None else 1.0 / model.scale_
        chain.scale(factor, 0.0 if model.mean_ is None else -model.mean_ * factor)
    elif kind == "MinMaxScaler" and not model.clip:
        chain.scale(model.scale_, model.min_)
    elif kind == "MaxAbsScaler":
        chain.scale(1.0 / model.scale_, 0.0)
    elif kind == "RobustScaler":
        factor = 1.0 if model.scale_ is None else 1.0 / model.scale_
        chain.scale(factor, 0.0 if model.center_ is None else -model.center_ * factor)
    elif kind == "PCA":
        matrix = model.components_.T
        if model.whiten:
            matrix = matrix / numpy.sqrt(model.explained_variance_)
        chain.affine(matrix, -(model.mean_ @ matrix))
    elif kind == "TruncatedSVD":
        chain.affine(model.components_.T, 0.0)
    elif not (kind == "FunctionTransformer" and model.func is None):
        return False
    return True


def _last(model: Any) -> Any:
    """The estimator at the end of pipelines and searches."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif hasattr(model, "steps"):
            model = model.steps[-1][1]
        else:
            return model


def _converted(model: Any, inputs: int, numpy: Any, why: str) -> ModelFile:
    """The file that skl2onnx makes of it."""
    instead = [
        "Perceptrons, linear models, pipelines with scalers and PCA are read as they are",
        "others need skl2onnx (pip install skl2onnx)",
    ]
    try:
        from skl2onnx import to_onnx
    except ImportError:
        raise unsupported(model, why, instead) from None
    try:
        converted = to_onnx(model, numpy.zeros((1, inputs), dtype=numpy.float32))
    except Exception as error:  # whatever a converter raises
        raise unsupported(model, f"{why}, and skl2onnx says: {error}", instead[:1]) from error
    return ModelFile(converted.SerializeToString(), type(_last(model)).__name__, inputs=inputs)
