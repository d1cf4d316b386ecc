"""torch modules, where torch is installed."""

from __future__ import annotations

import math

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


def test_what_cannot_be_exported_says_why(client: Client) -> None:
    with pytest.raises(ValueError, match="shape of an input"):
        client.lipschitz(flat_model(), domain=box(0, 1), functional=logit(0))
    assert client.lipschitz(flat_model(), domain=box(0, 1, shape=(16,)), functional=logit(0)).exact
    with pytest.raises(ValueError, match="takes no input of the shape"):
        client.lipschitz(flat_model(), domain=box(0, 1, shape=(7,)), functional=logit(0))
