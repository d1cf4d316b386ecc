"""Makes some of the generated requests meet what is there: a stored network and a job that has ended.

Random ids are found by nobody: without this, most requests would end at 404.
"""

import json
import os
import zlib

import schemathesis

NETWORK, JOB = os.environ["FUZZ_NETWORK"], os.environ["FUZZ_JOB"]
with open(os.environ["FUZZ_NETWORK_FILE"], "rb") as file:
    NETWORK_FILE = file.read()
NORMS = ("linf", "l1", "l2")


def coin(case, sides):
    """A number below `sides` that the same case always gets again."""
    text = json.dumps([case.path_parameters, case.query, str(case.body)], sort_keys=True, default=str)
    return zlib.crc32(text.encode()) % sides


@schemathesis.hook
def map_case(context, case):
    path, method = case.operation.path, case.operation.method.upper()
    chance = coin(case, 4)
    if "{id}" in path and chance and not (method == "DELETE" and chance == 3):
        known = NETWORK if path.startswith("/v1/networks") else JOB
        # What is deleted is gone for all requests that follow.
        if method != "DELETE":
            case.path_parameters = {**(case.path_parameters or {}), "id": known}
    if path == "/v1/networks" and method == "POST" and chance == 1:
        case.body = NETWORK_FILE
    if path == "/v1/jobs" and method == "POST" and chance and isinstance(case.body, dict):
        case.body = {**case.body, "network": NETWORK}
        if chance == 2:
            case.body |= {"domain": {"type": "box", "lower": 0, "upper": 1}, "functional": {"type": "logit", "index": 0}}
            case.body.pop("limits", None)
    return case
