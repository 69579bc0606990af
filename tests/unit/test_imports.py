"""What reads manifests, plans and reports starts fast and runs where no deep-learning library is installed."""

import subprocess
import sys

import pytest

LIGHT = ["spec", "plan", "manifest", "selection", "checks", "local", "cli", "artifacts.store", "stages.prepare",
         "stages.report", "analysis.report", "prompts.formats", "benchmarks", "tinyworld"]  # fmt: skip


@pytest.mark.parametrize("module", LIGHT)
def test_importing_it_loads_nothing_heavy(module):
    code = (
        f"import sys, thinksafe.{module}\n"
        "print(sorted({'torch', 'transformers', 'vllm', 'peft', 'accelerate'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
