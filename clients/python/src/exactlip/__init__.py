"""Client of exactlip, a service that computes the exact local Lipschitz constant of a neural network.

    from exactlip import Client, ball, margin
    report = Client().lipschitz(model, domain=ball(image, 0.1), functional=margin(3, 5))
    print(report)

``model`` is a path to an ONNX file, its bytes, or a ``torch.nn.Module``.
"""

from ._client import Client
from ._domain import Domain, ball, box
from ._errors import ExactlipError, JobFailed, ServiceError, Unreachable
from ._events import Event
from ._functional import Functional, jacobian, logit, margin, vector
from ._report import Check, Report, Tier, Witness
from .testing import assert_lipschitz_below

__all__ = [
    "Check",
    "Client",
    "Domain",
    "Event",
    "ExactlipError",
    "Functional",
    "JobFailed",
    "Report",
    "ServiceError",
    "Tier",
    "Unreachable",
    "Witness",
    "assert_lipschitz_below",
    "ball",
    "box",
    "jacobian",
    "logit",
    "margin",
    "vector",
]
__version__ = "0.1.0"
