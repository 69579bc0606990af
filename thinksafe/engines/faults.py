"""Faults of a model, of its files and of the device, turned into the errors that a user can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from thinksafe.errors import AccessError, DeviceError, SettingsError, ThinkSafeError

# Words that only an accelerator, its driver or a lost engine process puts into an error.
DEVICE_WORDS = (
    "cuda error", "cuda driver", "nccl", "cublas", "cudnn", "hip error", "xid", "ecc error", "device-side assert",
    "no kernel image", "engine core initialization failed", "enginecore encountered an issue",
    "free memory on device",  # vLLM's, before it loads anything: someone else holds the device's memory
)
# What did not fit once does not fit the next time: the settings are to be changed, not the node.
MEMORY_WORDS = (
    "out of memory", "can't allocate memory", "cannot allocate memory", "available memory on node",
    "no available memory for the cache blocks", "larger than the available kv cache memory",
)
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
# For transformers' `from_pretrained`: no code of a model's folder is run, and no pickle is read beside safetensors.
NO_CODE = {"trust_remote_code": False, "use_safetensors": True}


def is_device_fault(error: BaseException) -> bool:
    """Whether the error, or one it came from, is the device's and may pass on another node."""
    return any(
        type(e).__name__ in ("EngineDeadError", "AcceleratorError") or _says(e, DEVICE_WORDS) for e in chain(error)
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error, or one it came from, says that the device or this machine has too little memory."""
    return any(
        isinstance(e, MemoryError) or type(e).__name__ == "OutOfMemoryError" or _says(e, MEMORY_WORDS)
        for e in chain(error)
    )


def chain(error: BaseException) -> list[BaseException]:
    """The error and what it came from."""
    found = list[BaseException]()
    seen: BaseException | None = error
    while seen is not None and seen not in found:
        found.append(seen)
        seen = seen.__cause__ or seen.__context__
    return found


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    text = str(error).lower()
    return isinstance(error, (RuntimeError, ValueError, OSError)) and any(word in text for word in words)


def of_device(error: BaseException, what: str) -> ThinkSafeError | None:
    """A fault of the device or its memory as one of our errors; None for everything else. `what` was running."""
    if is_out_of_memory(error):
        return SettingsError(
            f"Memory ran out while running {what}: {first_line(error)}",
            reason="OutOfMemory",
            hint="Lower maxTokens or use a device with more memory",
        )
    if is_device_fault(error):
        return DeviceError(f"The device failed while running {what}: {first_line(error)}", hint="Use another node")
    return None


@contextmanager
def explained(model_path: str) -> Iterator[None]:
    """Turn what a model library raises into our errors; what is neither stays as it is (a bug)."""
    try:
        yield
    except ThinkSafeError:
        raise
    except Exception as error:
        told = of_device(error, model_path)
        if told is None:
            raise
        raise told from error


@contextmanager
def reading(model_path: str) -> Iterator[None]:
    """As `explained`, while a model is read: what its files say that no library can make sense of is a setting too."""
    try:
        with explained(model_path):
            yield
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The model {model_path} cannot be read: {first_line(error)}",
            reason="ModelUnsupported",
            hint="Weights must be safetensors, and no code of a model's own is run.",
        ) from error


def check_model(model_path: str) -> None:
    """See that a model's files are there before minutes are spent on loading.

    Raises SettingsError if they are not, AccessError if the hub refuses them.
    """
    folder = Path(model_path)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise SettingsError(f"The model folder {model_path} has no config.json", reason="ModelNotFound")
        if not any(next(folder.glob(pattern), None) for pattern in WEIGHTS):
            raise SettingsError(
                f"The model folder {model_path} has no *.safetensors file",
                reason="ModelNotFound",
                hint="Weights in other formats can run code and are not read.",
            )
        return
    if folder.is_absolute() or model_path.startswith((".", "~")) or model_path.count("/") != 1:
        raise SettingsError(f"There is no model folder {model_path}", reason="ModelNotFound")
    _check_hub(model_path)


def _check_hub(repo: str) -> None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        hf_hub_download(repo, "config.json")
    except GatedRepoError as error:
        raise AccessError(
            f"The model {repo} is gated and this token has no access",
            reason="ModelGated",
            hint=f"Accept its licence at https://huggingface.co/{repo} and give a token in HF_TOKEN.",
        ) from error
    except RepositoryNotFoundError as error:
        raise AccessError(
            f"The model {repo} does not exist, or this token may not see it", reason="ModelNotFound"
        ) from error
    except LocalEntryNotFoundError as error:
        raise SettingsError(
            f"The model {repo} is not in the local cache and the hub cannot be asked",
            reason="ModelNotFound",
            hint="Unset HF_HUB_OFFLINE, or name a folder: file:///models/x.",
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status in (401, 403):
            raise AccessError(f"The hub refuses the model {repo} ({status})", reason="ModelGated") from error
        raise


def check_adapter(folder: str, max_lora_rank: int | None) -> None:
    """See that an adapter can be used by an engine that was opened for `max_lora_rank`.

    Raises SettingsError if it is not there, has no safetensors or is too large.
    """
    import json

    config = Path(folder) / "adapter_config.json"
    for needed, hint in ((config, ""), (Path(folder) / "adapter_model.safetensors", "Pickled weights are not read.")):
        if not needed.is_file():
            raise SettingsError(
                f"The adapter folder {folder} has no {needed.name}", reason="AdapterNotFound", hint=hint
            )
    rank = json.loads(config.read_text()).get("r", 0)
    if max_lora_rank is None or rank > max_lora_rank:
        raise SettingsError(
            f"The adapter {folder} has rank {rank}, the engine was opened for at most {max_lora_rank or 0}",
            reason="AdapterRank",
        )


def first_line(error: BaseException) -> str:
    """The first line of an error's text, short enough for a termination message."""
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__)[:300]
