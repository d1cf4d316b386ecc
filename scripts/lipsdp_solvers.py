#!/usr/bin/env python3
"""Compare exactlip's own multipliers for LipSDP with those of a general semidefinite solver, Clarabel.

usage: lipsdp_solvers.py NETWORK.onnx...        (needs: pip install numpy scipy onnx clarabel; and make build)

Prints for each network the order of the matrix inequality, both values of the bound in the Euclidean norm, and the seconds of
processor time of both: of `exactlip solve` as a whole, and of Clarabel on the finished problem.
"""

import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import clarabel
import numpy as np
import onnx
import scipy.sparse as sparse
from onnx import numpy_helper

PROGRAM = pathlib.Path(__file__).parent.parent / "target/release/exactlip"


def weights(path):
    """The weights of a chain of Gemm and MatMul nodes."""
    graph = onnx.load(path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor).astype(float) for tensor in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type in ("Gemm", "MatMul"):
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            weight = constants[node.input[1]]
            found.append(weight if transposed else weight.T)
    return found


def own(path, c):
    """exactlip's bound, and its processor time."""
    problem = {"domain": {"type": "box", "lower": 0, "upper": 1}, "norm": {"input": "l2"}, "methods": ["lipsdp"],
               "functional": {"type": "vector", "c": c.tolist()}, "limits": {"time_s": 600}}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(problem))
        file.flush()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([PROGRAM, "solve", file.name, "--network", path], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout)["tiers"][0]["value"], seconds


def general(layers, c):
    """Clarabel's value of the same program (every factor scaled to norm 1), and its processor time."""
    hidden, row, scale = [], c @ layers[-1], 1.0
    for weight in layers[:-1]:
        norm = np.linalg.norm(weight, 2)
        hidden.append(weight / norm)
        scale *= norm
    scale *= np.linalg.norm(row)
    row = row / np.linalg.norm(row)
    inputs, count = hidden[0].shape[1], sum(weight.shape[0] for weight in hidden)
    order = inputs + count
    place = lambda i, j: max(i, j) * (max(i, j) + 1) // 2 + min(i, j)
    entries = [(place(k, k), 0, -1.0) for k in range(inputs)]
    before, at, variable = 0, inputs, 1
    for weight in hidden:
        for r in range(weight.shape[0]):
            entries.append((place(at + r, at + r), variable, -2.0))
            entries += [(place(before + k, at + r), variable, w * np.sqrt(2)) for k, w in enumerate(weight[r])]
            variable += 1
        before, at = at, at + weight.shape[0]
    right = np.zeros(count + order * (order + 1) // 2)
    for r, a in enumerate(row):
        for s, b in enumerate(row[: r + 1]):
            right[count + place(before + r, before + s)] -= a * b * (1 if r == s else np.sqrt(2))
    rows, columns, values = zip(*entries)
    inequality = sparse.csc_matrix((values, (rows, columns)), shape=(order * (order + 1) // 2, count + 1))
    signs = sparse.csc_matrix((-np.ones(count), (range(count), range(1, count + 1))), shape=(count, count + 1))
    objective = np.zeros(count + 1)
    objective[0] = 1.0
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.time_limit = 1200.0
    cones = [clarabel.NonnegativeConeT(count), clarabel.PSDTriangleConeT(order)]
    begun = time.process_time()
    matrix = sparse.vstack([signs, inequality]).tocsc()
    solver = clarabel.DefaultSolver(sparse.csc_matrix((count + 1, count + 1)), objective, matrix, right, cones, settings)
    found = solver.solve()
    return np.sqrt(max(found.x[0], 0.0)) * scale, time.process_time() - begun, str(found.status), order


print(f"{'order':>5} {'exactlip':>14} {'clarabel':>14} {'CPU s':>8} {'CPU s':>8}  network")
for path in sys.argv[1:]:
    layers = weights(path)
    c = np.array([1.0, -1.0]) if layers[-1].shape[0] == 2 else np.eye(layers[-1].shape[0])[0]
    value, seconds = own(path, c)
    other, other_seconds, status, order = general(layers, c)
    print(f"{order:>5} {value:>14.7f} {other:>14.7f} {seconds:>8.2f} {other_seconds:>8.2f}  "
          f"{pathlib.Path(path).name} ({status})", flush=True)
