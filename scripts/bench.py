#!/usr/bin/env python3
"""Solve the example problems with the release build and print what each method found, and in how many seconds."""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
METHODS = ["naive", "fastlip", "random", "ascent", "lp", "exact"]


def main():
    problem = json.loads((ROOT / "examples/digits17.json").read_text())
    problem["methods"] = METHODS
    for network in sorted((ROOT / "examples").glob("*.onnx")):
        command = [ROOT / "target/release/exactlip", "solve", "-", "--network", network]
        run = subprocess.run(command, input=json.dumps(problem), stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode:
            return f"{network.name}: exactlip solve ended with status {run.returncode}"
        result = json.loads(run.stdout)
        print(network.name)
        for tier in result["tiers"]:
            value = "-" if tier["value"] is None else f"{tier['value']:.7g}"
            print(f"  {tier['method']:10} {tier['guarantee']:6} {value:>12} {tier['seconds']:9.3f} s")
        word = "exact" if result["exact"] else result["status"]
        print(f"  [{result['lower']}, {result['upper']}] {word} in {result['seconds']:.2f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
