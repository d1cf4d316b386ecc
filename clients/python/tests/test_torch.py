"""torch modules, where torch is installed."""

from __future__ import annotations

import math
import warnings

import numpy
import pytest

from exactlip import Client, ball, box, logit, margin

torch = pytest.importorskip("torch")


def flat_model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(16, 8), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(8, 3)
    )


def test_a_module_in_three_lines(client: Client) -> None:
    model, image = flat_model(), torch.rand(1, 4, 4)
    report = client.lipschitz(model, domain=ball(image, 0.1), functional=margin(0, 2))
    assert report.exact and model.training, "the module is left as it was"
    assert report.witness is not None
    x = torch.tensor(report.witness.x, dtype=torch.float64).reshape(1, 1, 4, 4).requires_grad_()
    y = model.double().eval()(x)[0]
    (y[0] - y[2]).backward()
    # The witness's gradient is the module's own.
    assert x.grad.abs().sum().item() == pytest.approx(report.lower, rel=1e-9)
    assert math.isclose(sum(abs(g) for g in report.witness.gradient), x.grad.abs().sum().item(), rel_tol=1e-9)


def test_an_image_with_and_without_a_batch_is_the_same_question(client: Client) -> None:
    model, image = flat_model(), torch.rand(1, 1, 4, 4)
    first = client.lipschitz(model, domain=ball(image, 0.05), functional=logit(0))
    second = client.lipschitz(model, domain=ball(image[0], 0.05), functional=logit(0))
    assert first.exact and first.upper == second.upper


def normed(kind: str) -> torch.nn.Module:
    """A module whose weights are computed from others."""
    torch.manual_seed(1)
    layers = [torch.nn.Linear(6, 6), torch.nn.Linear(6, 3)]
    new, old = torch.nn.utils.parametrizations, torch.nn.utils
    if kind == "own":
        for layer in layers:
            torch.nn.utils.parametrize.register_parametrization(layer, "weight", Squared())
    elif kind.startswith("old"):
        layers = [getattr(old, kind.removeprefix("old "))(layer) for layer in layers]
    else:
        layers = [getattr(new, kind)(layer) for layer in layers]
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), torch.nn.Dropout(), layers[1])
    # A step of training: the hooks have run, and the norms' vectors have moved.
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(3):
        model(torch.rand(4, 6)).square().sum().backward()
        optimizer.step()
    return model


class Squared(torch.nn.Module):
    """A parametrization of one's own."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.square() - 0.1


KINDS = ["spectral_norm", "weight_norm", "orthogonal", "own", "old spectral_norm", "old weight_norm"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weights_that_are_computed_are_exported_as_numbers(client: Client, kind: str) -> None:
    model = normed(kind)
    points = torch.rand(3, 6)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    report = client.lipschitz(model, domain=ball(points[0], 0.1), functional=margin(0, 2))
    assert report.exact and model.training, "the module is left as it was"
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    model(points).sum().backward()
    model.eval()
    found = client.evaluate(model, points, shape=(6,))
    with torch.no_grad():
        assert numpy.allclose(found["scores"], model(points).numpy(), rtol=1e-5, atol=1e-6)
    x = points[0].clone().requires_grad_()
    jacobian = torch.autograd.functional.jacobian(lambda x: model(x[None])[0], x)
    assert numpy.allclose(found["gradients"][0], jacobian.numpy(), rtol=1e-4, atol=1e-5)


def test_compiled_wrapped_and_scripted_modules_are_what_they_are_made_of(client: Client) -> None:
    model = flat_model()
    question = {"domain": ball(torch.rand(1, 4, 4), 0.05), "functional": logit(0)}
    plain = client.lipschitz(model, **question)
    compiled = torch.compile(model)
    inner = torch.nn.Sequential(model[0], torch.compile(torch.nn.Sequential(*list(model)[1:])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripting is named deprecated
        scripted = torch.jit.script(model)
    for other in (compiled, inner, torch.nn.DataParallel(model), scripted):
        report = client.lipschitz(other, **question)
        assert report.exact and report.upper == pytest.approx(plain.upper, rel=1e-9), type(other).__name__
    assert type(inner[1]).__name__ == "OptimizedModule", "the module is left as it was"


def test_what_cannot_be_exported_says_why(client: Client) -> None:
    with pytest.raises(ValueError, match="shape of an input"):
        client.lipschitz(flat_model(), domain=box(0, 1), functional=logit(0))
    assert client.lipschitz(flat_model(), domain=box(0, 1, shape=(16,)), functional=logit(0)).exact
    with pytest.raises(ValueError, match="takes no input of the shape"):
        client.lipschitz(flat_model(), domain=box(0, 1, shape=(7,)), functional=logit(0))
