#!/usr/bin/env python3
"""A gate for a training pipeline: is the network's local Lipschitz constant at most a threshold?

Uploads a network to a running service, asks for the constant of the margin between two outputs over a region, and prints
the interval around it as it closes. With --threshold the service stops as soon as the answer is known.

    gate.py --url http://127.0.0.1:8080 network.onnx --center sample.json --radius 0.1 --label 0 --target 1 --threshold 120
    gate.py network.onnx --box 0 1 --norm l1

Exit status: 0 the constant is at most the threshold (without one: it was found exactly), 1 it is above the threshold, 2 it
is not known, or something went wrong. Nothing but the standard library of Python 3 is needed.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PASSED, FAILED, UNDECIDED = 0, 1, 2


class Trouble(Exception):
    """Something that ends the gate without an answer."""


class Service:
    """The REST interface at a base address."""

    def __init__(self, url, key=None):
        self.url = url.rstrip("/")
        self.key = key
        # Without the proxies of the environment: they do not lead to this machine.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method, path, body=None, content_type="application/json"):
        """The JSON document that the service answers with."""
        request = urllib.request.Request(self.url + path, data=body, method=method)
        if body is not None:
            request.add_header("Content-Type", content_type)
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        try:
            with self.opener.open(request, timeout=90) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise Trouble(f"{method} {path}: {error.code} {explain(error.read())}") from None
        except OSError as error:
            raise Trouble(f"{self.url} does not answer: {getattr(error, 'reason', error)}") from None

    def upload(self, path):
        """The record of the network in a file; one that is there already is not stored again."""
        with open(path, "rb") as file:
            name = urllib.parse.urlencode({"name": path.rsplit("/", 1)[-1]})
            return self.call("POST", f"/v1/networks?{name}", file.read(), "application/octet-stream")


def explain(body):
    """The words of an error document, with the fields that it names."""
    try:
        problem = json.loads(body)
        fields = "; ".join(f"{e['pointer']}: {e['detail']}" for e in problem.get("errors", []))
        return fields or problem.get("detail") or problem.get("title") or ""
    except (ValueError, AttributeError, TypeError, KeyError):
        return body.decode(errors="replace")[:200]


def read_center(path):
    """The midpoint in a file: a JSON list of numbers, or a problem whose domain is a ball."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    center = document["domain"]["center"] if isinstance(document, dict) else document
    if not isinstance(center, list):
        raise Trouble(f"{path} holds no list of numbers")
    return center


def question(arguments, network):
    """The body of POST /v1/jobs."""
    if arguments.center:
        domain = {"type": "ball", "norm": "linf", "center": read_center(arguments.center), "radius": arguments.radius}
        if arguments.clip:
            domain["clip"] = arguments.clip
    else:
        domain = {"type": "box", "lower": arguments.box[0], "upper": arguments.box[1]}
    body = {
        "network": network["id"],
        "domain": domain,
        "norm": {"input": arguments.norm},
        "functional": {"type": "margin", "label": arguments.label, "target": arguments.target},
        "limits": {"time_s": arguments.time, "threads": arguments.threads},
    }
    if arguments.threshold is not None:
        body["stop_when"] = {"lower_above": arguments.threshold, "upper_below": arguments.threshold}
    return body


def show(value):
    return "?" if value is None else f"{value:.8g}"


def follow(service, job):
    """Prints the interval whenever it has moved, until the job ends; the job's last record."""
    path, last = f"/v1/jobs/{job['id']}", None
    try:
        while True:
            progress = job.get("progress") or {}
            interval = (progress.get("lower"), progress.get("upper"))
            if interval != last and interval != (None, None):
                last = interval
                seconds, phase = progress.get("elapsed_s") or 0.0, progress.get("phase") or ""
                print(f"{seconds:8.2f} s  {phase:10} [{show(interval[0])}, {show(interval[1])}]", flush=True)
            if job["state"] in ("succeeded", "failed", "cancelled"):
                return job
            # Held by the service until the job ends, and for a fraction of a second at most, to see the interval move.
            job = service.call("GET", f"{path}?wait=0.3")
    except KeyboardInterrupt:
        service.call("POST", f"{path}/cancel", b"{}")
        raise Trouble("interrupted; the job was cancelled") from None


def report(result, norm):
    """Prints what each method found, the answer, and the point that proves its lower end."""
    for tier in result["tiers"]:
        if tier["value"] is not None:
            print(f"  {tier['method']:10} {tier['guarantee']:6} {show(tier['value']):>12} in {tier['seconds']:.3f} s")
    word = "exactly" if result["exact"] else f"not exactly ({result['status']})"
    print(f"lower {show(result['lower'])}, upper {show(result['upper'])}, {word}, in {result['seconds']:.2f} s")
    witness = result.get("witness")
    if witness:
        gradient = witness["gradient"]
        sizes = [abs(g) for g in gradient]
        dual, value = ("l1", sum(sizes)) if norm == "linf" else ("linf", max(sizes))
        largest = sorted(range(len(sizes)), key=sizes.__getitem__, reverse=True)[:3]
        entries = ", ".join(f"{gradient[i]:+.4g} at input {i}" for i in largest)
        print(f"witness: a point with a gradient of {dual} norm {show(value)} (largest entries {entries})")


def verdict(result, threshold):
    """The exit status, and why."""
    lower, upper = result["lower"], result["upper"]
    if threshold is None:
        return (PASSED, None) if result["exact"] else (UNDECIDED, None)
    if upper is not None and upper <= threshold:
        return PASSED, f"PASSED: the constant is at most {show(upper)}, the threshold is {threshold:g}"
    if lower is not None and lower > threshold:
        return FAILED, f"FAILED: the constant is at least {show(lower)}, the threshold is {threshold:g}"
    return UNDECIDED, f"UNDECIDED: the constant lies in [{show(lower)}, {show(upper)}], the threshold is {threshold:g}"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", help="the network's file (.onnx)")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the service (default: %(default)s)")
    parser.add_argument(
        "--key", default=os.environ.get("EXACTLIP_KEY"), help="the API key, where the service asks for one (or EXACTLIP_KEY)"
    )
    region = parser.add_mutually_exclusive_group(required=True)
    region.add_argument("--center", metavar="FILE", help="a ball around the point in this JSON file")
    region.add_argument("--box", nargs=2, type=float, metavar=("LOW", "HIGH"), help="all inputs between two numbers")
    parser.add_argument("--radius", type=float, default=0.1, help="the ball's radius in the l-infinity norm (default: 0.1)")
    parser.add_argument("--clip", nargs=2, type=float, metavar=("LOW", "HIGH"), help="cut the ball to these bounds")
    parser.add_argument("--norm", choices=("linf", "l1"), default="linf", help="norm of a change of the input")
    parser.add_argument("--label", type=int, default=0, help="the output that is added (default: 0)")
    parser.add_argument("--target", type=int, default=1, help="the output that is subtracted (default: 1)")
    parser.add_argument("--threshold", type=float, metavar="T", help="the largest constant that passes")
    parser.add_argument("--time", type=float, default=300.0, metavar="S", help="seconds to solve (default: 300)")
    parser.add_argument("--threads", type=int, default=1, help="threads to solve with (default: 1)")
    return parser.parse_args()


def main():
    arguments = parse()
    service = Service(arguments.url, arguments.key)
    try:
        network = service.upload(arguments.network)
        print(f"network {network['id'][:12]}: {network['input_dim']} inputs, {network['output_dim']} outputs, "
              f"{network['parameters']} parameters")
        started = time.monotonic()
        job = service.call("POST", "/v1/jobs", json.dumps(question(arguments, network)).encode())
        job = follow(service, job)
        if job["error"]:
            raise Trouble(f"the job failed: {job['error']['message']}")
        if not job["result"]:
            raise Trouble(f"the job was {job['state']} without an answer")
        report(job["result"], arguments.norm)
        status, words = verdict(job["result"], arguments.threshold)
        print(f"asked and answered in {time.monotonic() - started:.2f} s")
        if words:
            print(words)
        return status
    except (Trouble, OSError, ValueError, KeyError, TypeError) as error:
        print(f"gate: {error}", file=sys.stderr)
        return UNDECIDED


if __name__ == "__main__":
    sys.exit(main())
