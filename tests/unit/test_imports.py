"""What reads manifests, plans and reports starts fast and runs where no deep-learning library is installed."""

import subprocess
import sys

import pytest

# What the operator uses: its image has no data library either.
OPERATORS = ["spec", "plan", "placement", "status", "manifest"]
LIGHT = [*OPERATORS, "selection", "checks", "local", "cli", "artifacts.store", "attestation.verify", "stages.prepare",
         "stages.report", "stages.comparison", "experiment", "experiment_plan", "analysis.report",
         "prompts.formats", "benchmarks", "tinyworld"]  # fmt: skip


@pytest.mark.parametrize("module", LIGHT)
def test_importing_it_loads_nothing_heavy(module):
    code = (
        f"import sys, thinksafe.{module}\n"
        "print(sorted({'torch', 'transformers', 'vllm', 'peft', 'accelerate'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# The processes that score rows are started by the dozen.
@pytest.mark.parametrize("module", [*OPERATORS, "benchmarks.worker"])
def test_what_the_operator_imports_or_starts_often_loads_no_data_library(module):
    heavy = {"numpy", "pyarrow", "boto3", "scipy"}
    code = f"import sys, thinksafe.{module}\nprint(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
