"""What the machine does to a stage has a reason of its own and says what to change."""

import errno

import pytest
import torch

from thinksafe.spec import Storage
from thinksafe.stages import faults
from thinksafe.stages.assignment import Assignment


def task(tmp_path, stage):
    return Assignment(tmp_path / "run.yaml", Storage(uri=f"file://{tmp_path}"), stage, "u")


@pytest.mark.parametrize(
    ("stage", "field"),
    [
        ("train", "spec.training.tokensPerPack"),
        ("generate-2", "spec.generation.maxTokens"),
        ("evaluate", "spec.evaluation.maxTokens"),
        ("prepare", "spec.stages.prepare.resources"),
    ],
)
def test_out_of_memory_names_the_field_to_lower(tmp_path, stage, field):
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    told = faults.of_machine(error, task(tmp_path, stage))
    assert told and (told.code, told.reason) == (78, "OutOfMemory") and field in told.hint


@pytest.mark.parametrize("said", ["CUDA error: uncorrectable ECC error", "NCCL error: unhandled", "XID 79"])
def test_a_device_that_fails_is_no_matter_of_settings(tmp_path, said):
    told = faults.of_machine(RuntimeError(said), task(tmp_path, "train"))
    assert told and told.code == 69


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), ValueError("I/O error: No space left on device (28)")]
)
def test_a_full_scratch_disk_is_named(tmp_path, monkeypatch, error):
    monkeypatch.setenv("THINKSAFE_SCRATCH", str(tmp_path))
    try:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("could not save") from inner
    except RuntimeError as outer:
        told = faults.of_machine(outer, task(tmp_path, "train"))
    assert told and (told.code, told.reason) == (78, "DiskFull") and str(tmp_path) in str(told)


def test_a_lost_process_of_a_group_is_temporary_and_of_no_group_a_bug(tmp_path, monkeypatch):
    error = RuntimeError("[gloo/transport/tcp/pair.cc] Connection closed by peer [10.0.0.7]:1234")
    assert faults.of_machine(error, task(tmp_path, "train")) is None
    monkeypatch.setenv("WORLD_SIZE", "2")
    told = faults.of_machine(error, task(tmp_path, "train"))
    assert told and (told.code, told.reason) == (75, "GroupBroken")


def test_a_bug_stays_a_bug(tmp_path):
    assert faults.of_machine(KeyError("x"), task(tmp_path, "train")) is None
