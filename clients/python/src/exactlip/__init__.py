"""The exact local Lipschitz constant of a neural network.

    import exactlip
    from exactlip import ball, margin
    report = exactlip.lipschitz(model, domain=ball(image, 0.1), functional=margin(3, 5))
    print(report)

``model`` is a path to an ONNX file, its bytes, or a model of torch, scikit-learn or Keras. ``Client`` and ``AsyncClient`` talk
to a service; the functions here ask the one that ``EXACTLIP_URL`` names, else the program that
``pip install 'exactlip[server]'`` brings.
"""

from ._async.client import AsyncClient
from ._batch import BatchReport
from ._domain import Domain, ball, box
from ._errors import ExactlipError, JobFailed, ServiceError, Unreachable
from ._events import Event
from ._functional import Functional, cross_lipschitz, jacobian, logit, margin, vector
from ._local import Server, alone
from ._report import Check, Report, Tier, Witness
from ._sync.client import Client
from .testing import assert_lipschitz_below

lipschitz = alone(Client.lipschitz)
check = alone(Client.check)
curvature = alone(Client.curvature)

__all__ = [
    "AsyncClient",
    "BatchReport",
    "Check",
    "Client",
    "Domain",
    "Event",
    "ExactlipError",
    "Functional",
    "JobFailed",
    "Report",
    "Server",
    "ServiceError",
    "Tier",
    "Unreachable",
    "Witness",
    "assert_lipschitz_below",
    "ball",
    "box",
    "check",
    "cross_lipschitz",
    "curvature",
    "jacobian",
    "lipschitz",
    "logit",
    "margin",
    "vector",
]
__version__ = "0.1.0"
