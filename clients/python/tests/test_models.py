"""Models of scikit-learn and Keras: the real libraries where they are installed, and stand-ins with their attributes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

from exactlip import Client, ball, logit, margin
from exactlip._models import read

FIXTURES = Path(__file__).resolve().parents[3] / "tests" / "fixtures"


def layers(content: bytes) -> list[dict[str, Any]]:
    """The layers of a file in the JSON format."""
    found: list[dict[str, Any]] = json.loads(content)["layers"]
    return found


def value(file: list[dict[str, Any]], x: Any) -> Any:
    """What layers with relu, tanh and sigmoid compute, row by row."""
    functions = {
        "relu": lambda y: numpy.maximum(y, 0),
        "tanh": numpy.tanh,
        "sigmoid": lambda y: 1 / (1 + numpy.exp(-y)),
    }
    for layer in file:
        x = x @ numpy.array(layer["weight"]).T + numpy.array(layer["bias"])
        if "activation" in layer:
            x = functions[layer["activation"]](x)
    return x


def stand_in(family: str, kind: str, **attributes: Any) -> Any:
    """An object of a class of that name in that library, with these attributes."""
    return type(kind, (), {"__module__": family, **attributes})()


def test_a_perceptron_behind_a_scaler_is_one_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    random = numpy.random.default_rng(0)
    mean, scale = random.normal(size=3), random.uniform(1, 2, size=3)
    coefs = [random.normal(size=(3, 4)), random.normal(size=(4, 2))]
    intercepts = [random.normal(size=4), random.normal(size=2)]
    scaler = stand_in("sklearn.preprocessing", "StandardScaler", mean_=mean, scale_=scale)
    attributes = {"coefs_": coefs, "intercepts_": intercepts, "activation": "tanh"}
    network = stand_in("sklearn.neural_network", "MLPClassifier", **attributes)
    with pytest.raises(TypeError, match="last activation 'exp'"):
        read(
            stand_in("sklearn.neural_network", "MLPRegressor", **attributes, out_activation_="exp", n_features_in_=3),
            None,
        )
    steps = [("scale", scaler), ("nothing", "passthrough"), ("net", network)]
    file = read(stand_in("sklearn.pipeline", "Pipeline", steps=steps, n_features_in_=3), None)
    assert (file.name, file.inputs) == ("MLPClassifier", 3)
    x = random.normal(size=(5, 3))
    wanted = numpy.tanh((x - mean) / scale @ coefs[0] + intercepts[0]) @ coefs[1] + intercepts[1]
    assert len(layers(file.content)) == 2
    assert numpy.allclose(value(layers(file.content), x), wanted, rtol=1e-12)


def test_linear_models_have_a_row_for_each_score() -> None:
    one = stand_in("sklearn.linear_model", "Ridge", coef_=numpy.array([1.0, 2.0]), intercept_=0.5, n_features_in_=2)
    assert layers(read(one, None).content) == [{"weight": [[1.0, 2.0]], "bias": [0.5]}]
    attributes: dict[str, Any] = {
        "coef_": numpy.array([[1.0, 2.0]]),
        "intercept_": numpy.array([0.5]),
        "n_features_in_": 2,
    }
    two = stand_in("sklearn.linear_model", "LogisticRegression", **attributes, predict_proba=None)
    assert layers(read(two, None).content) == [{"weight": [[1.0, 2.0]], "bias": [0.5]}]
    assert layers(read(two, None, True).content)[0]["activation"] == "sigmoid"


def test_what_is_not_fitted_or_not_known_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ValueError, match="not fitted"):
        read(stand_in("sklearn.linear_model", "Ridge"), None)
    for name in ("PoissonRegressor", "TweedieRegressor"):
        attributes: dict[str, Any] = {"coef_": numpy.ones(2), "intercept_": 0.0, "n_features_in_": 2}
        with pytest.raises(TypeError, match="skl2onnx"):
            read(stand_in("sklearn.linear_model", name, **attributes), None)
    with pytest.raises(TypeError, match="SVC is not known"):
        read(
            stand_in("sklearn.svm", "SVC", coef_=numpy.ones((1, 2)), intercept_=0.0, dual_coef_=0, n_features_in_=2),
            None,
        )
    with pytest.raises(TypeError, match="a model must be"):
        read(object(), None)


@pytest.mark.filterwarnings("ignore")
def test_estimators_of_scikit_learn_are_what_they_compute(client: Client) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: only stand-ins are tested")
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
    from sklearn.svm import LinearSVC

    random = numpy.random.default_rng(0)
    x = random.uniform(size=(60, 4))
    three, two = (x @ random.normal(size=(4, 3))).argmax(1), (x[:, 0] > x[:, 1]).astype(int)
    options: dict[str, Any] = {"max_iter": 20, "random_state": 0, "early_stopping": False}
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(x, x[:, 0])
    scores = {
        "logits": make_pipeline(StandardScaler(), MLPClassifier((5,), activation="logistic", **options)).fit(x, three),
        "predict": make_pipeline(
            MinMaxScaler(), PCA(2, whiten=True), MLPRegressor(hidden_layer_sizes=(5, 3), **options)
        ).fit(x, x[:, :2]),
        "decision_function": make_pipeline(RobustScaler(), LogisticRegression()).fit(x, three),
        "predict of a search": search,
        "decision_function of two": LinearSVC().fit(x, two),
    }
    for name, model in scores.items():
        found = numpy.array(client.evaluate(model, x[:3])["scores"])
        if name == "logits":
            found = numpy.exp(found) / numpy.exp(found).sum(1, keepdims=True)
            wanted = model.predict_proba(x[:3])
        else:
            wanted = getattr(model, name.split()[0])(x[:3])
        assert numpy.allclose(found, numpy.reshape(wanted, found.shape), rtol=1e-9, atol=1e-12), name
    classifier = MLPClassifier((5,), **options).fit(x, two)
    probability = client.evaluate(classifier, x[:3], keep_output_activation=True)["scores"]
    assert numpy.allclose(numpy.ravel(probability), classifier.predict_proba(x[:3])[:, 1], rtol=1e-9)
    report = client.lipschitz(scores["logits"], domain=ball(x[0], 0.1), functional=margin(0, 1), time_s=20)
    assert report.lower is not None and report.upper is not None
    assert client.lipschitz(search, domain=ball(x[0], 0.1)).upper == pytest.approx(
        float(numpy.abs(search.best_estimator_.coef_).sum()), rel=1e-9
    )


def keras_stand_in() -> Any:
    """As Keras keeps a sequence of dense layers."""
    relu = stand_in("keras.src.activations", "function")
    relu.__name__, softmax = "relu", stand_in("keras.src.activations", "function")
    softmax.__name__ = "softmax"
    weights = [numpy.arange(6, dtype=numpy.float32).reshape(3, 2), numpy.ones(2, dtype=numpy.float32)]
    head = [numpy.ones((2, 2), dtype=numpy.float32), numpy.zeros(2, dtype=numpy.float32)]
    module = "keras.src.layers"
    parts = [
        stand_in(module, "Flatten", get_weights=lambda self: []),
        stand_in(module, "Dense", get_weights=lambda self: weights, use_bias=True, activation=relu),
        stand_in(module, "Dropout", get_weights=lambda self: []),
        stand_in(module, "Dense", get_weights=lambda self: head, use_bias=True, activation=softmax),
    ]
    return stand_in("keras.src.models", "Sequential", layers=parts, name="small", input_shape=(None, 3, 1))


def test_a_sequence_of_dense_layers_is_read_and_its_softmax_left_out() -> None:
    file = read(keras_stand_in(), None)
    assert (file.name, file.inputs, file.is_settled) == ("small", 3, True)
    assert layers(file.content) == [
        {"weight": [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]], "bias": [1.0, 1.0], "activation": "relu"},
        {"weight": [[1.0, 1.0], [1.0, 1.0]], "bias": [0.0, 0.0]},
    ]
    with pytest.raises(TypeError, match="its export to ONNX says"):
        read(keras_stand_in(), None, True)  # a softmax that is kept is no part of the format


@pytest.mark.filterwarnings("ignore")
def test_models_of_keras_are_what_they_compute(client: Client) -> None:
    keras = pytest.importorskip("keras", reason="Keras is not installed: only stand-ins are tested")
    keras.utils.set_random_seed(0)
    activations = ["relu", "silu", "mish", "elu", "softplus", "softsign", "relu6", "log_sigmoid", "gelu", "leaky_relu"]
    x = numpy.random.default_rng(0).uniform(-2, 2, size=(3, 2, 2)).astype("float32")
    dense = keras.Sequential(
        [
            keras.layers.Input((2, 2)),
            keras.layers.Rescaling(0.5, 0.25),
            keras.layers.Flatten(),
            *(keras.layers.Dense(5, activation=name) for name in activations[:8]),
            keras.layers.BatchNormalization(),
            keras.layers.LeakyReLU(negative_slope=0.2),
            keras.layers.Dropout(0.5),
            keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(3, use_bias=False), keras.layers.Softmax()]),
        ]
    )
    normalisation = next(layer for layer in dense.layers if type(layer).__name__ == "BatchNormalization")
    normalisation.set_weights([numpy.array([1, 2, 3, 4, 5.0]), numpy.ones(5), numpy.ones(5), numpy.full(5, 2.0)])
    found = numpy.array(client.evaluate(dense, x)["scores"])
    squashed = numpy.exp(found) / numpy.exp(found).sum(1, keepdims=True)
    assert numpy.allclose(squashed, numpy.asarray(dense.predict(x, verbose=0)), atol=1e-5)
    single = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    found = numpy.array(client.evaluate(single, x.reshape(3, 4))["scores"])
    assert numpy.allclose(found, numpy.asarray(single.predict(x.reshape(3, 4), verbose=0)), atol=1e-6)
    report = client.lipschitz(dense, domain=ball(x[0], 0.01), functional=logit(0), methods=["random", "fastlip"])
    assert report.lower is not None and report.upper is not None
