"""What importing a function's handler costs a fresh process: the most of a cold start."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
LAYERS = (ROOT / "layers" / "core" / "python", ROOT / "layers" / "team" / "python", ROOT)
ROUNDS = 5


class _Tags(yaml.SafeLoader):
    """Reads CloudFormation's tags as nothing."""


_Tags.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def handlers() -> dict[str, str]:
    """Logical name → module of each function in the template."""
    template = yaml.load((ROOT / "template.yaml").read_text("utf-8"), _Tags)
    return {
        name: resource["Properties"]["Handler"].rpartition(".")[0]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def cold(rounds: int = ROUNDS) -> Mapping[str, float]:
    """Milliseconds of wall time, median; `(python)` is an interpreter that imports nothing.

    Modules are compiled beforehand, as `sam build` leaves them in the layer.
    """
    modules = {"(python)": "sys", **handlers()}
    for module in modules.values():
        _start(module)
    times: dict[str, list[float]] = {name: [] for name in modules}
    for _ in range(rounds):  # in turns, so that a busy moment slows them alike
        for name, module in modules.items():
            times[name].append(_start(module))
    return {name: statistics.median(each) for name, each in times.items()}


def _start(module: str) -> float:
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(map(str, LAYERS)),
        "AWS_REGION": "us-east-1",
        "TABLE_NAME": "covey-records",
    }
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], env=environment, check=True)
    return (time.perf_counter() - began) * 1000
