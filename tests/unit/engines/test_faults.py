"""What a user sees when a model, its files or the device fail."""

import pytest
import torch

from thinksafe.engines import open_engine
from thinksafe.engines.faults import check_adapter, check_model, explained, is_device_fault
from thinksafe.errors import AccessError, DeviceError, SettingsError


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: device-side assert triggered"), RuntimeError("NCCL communicator was aborted"),
        RuntimeError("Engine core initialization failed. See root cause above."),
        ValueError("Free memory on device (3.1/79.2 GiB) on startup is less than desired GPU memory utilization"),
    ],
)
def test_device_faults_are_retried_elsewhere(error) -> None:
    with pytest.raises(DeviceError) as raised, explained("m"):
        raise error
    assert raised.value.code == 69


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB"), MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        ValueError("No available memory for the cache blocks. Try increasing `gpu_memory_utilization`"),
    ],
)
def test_what_did_not_fit_is_a_matter_of_settings(error) -> None:
    with pytest.raises(SettingsError) as raised, explained("m"):
        raise error
    assert (raised.value.code, raised.value.reason) == (78, "OutOfMemory") and raised.value.hint


def test_the_cause_counts() -> None:
    try:
        try:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        except RuntimeError as inner:
            raise ValueError("engine failed") from inner
    except ValueError as outer:
        assert is_device_fault(outer)


def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(KeyError), explained("m"):
        raise KeyError("CUDA error")


@pytest.mark.parametrize("name", ["vllm", "transformers"])
def test_a_missing_model_is_found_before_anything_is_loaded(name, tmp_path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(SettingsError) as raised:
            open_engine(name, str(path), dtype="float32", max_model_len=None, seed=0)
        assert raised.value.code == 78 and str(path) in str(raised.value)


def test_pickled_weights_are_refused(tmp_path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(SettingsError, match="safetensors"):
        check_model(str(tmp_path))


@pytest.mark.parametrize(
    ("error", "ours"), [("GatedRepoError", AccessError), ("LocalEntryNotFoundError", SettingsError)]
)
def test_the_hub_s_refusals(monkeypatch, error, ours) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    def refuse(*_) -> None:
        made = getattr(errors, error)
        raise made.__new__(made)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(ours):
        check_model("org/name")


def test_an_adapter_must_be_there_and_fit(tmp_path) -> None:
    with pytest.raises(SettingsError, match="adapter_config"):
        check_adapter(str(tmp_path), 32)
    (tmp_path / "adapter_config.json").write_text('{"r": 64}')
    with pytest.raises(SettingsError, match=r"adapter_model\.safetensors"):
        check_adapter(str(tmp_path), 64)
    (tmp_path / "adapter_model.safetensors").touch()
    check_adapter(str(tmp_path), 64)
    for rank in (32, None):
        with pytest.raises(SettingsError, match="rank 64"):
            check_adapter(str(tmp_path), rank)
