"""Engines: one loaded model that samples responses and scores labels, row by row."""

from typing import Literal

from thinksafe.engines.base import Engine


def open_engine(
    name: Literal["vllm", "transformers"],
    model_path: str,
    *,
    dtype: str,
    max_model_len: int | None,
    seed: int,
    max_lora_rank: int | None = None,
    label_only: bool = False,
) -> Engine:
    """Load a model into the named engine. Nothing heavy is imported before.

    `max_model_len` counts tokens of prompt and response together; None is the model's own. With
    `max_lora_rank` requests may name adapters of up to that rank. `label_only` says that only labels will
    be scored, so that nothing is prepared for long decoding.

    Raises SettingsError if the model cannot be used, AccessError if it is gated, DeviceError if the device fails.
    """
    if name == "vllm":
        from thinksafe.engines.vllm import VllmEngine as Chosen
    else:
        from thinksafe.engines.transformers import TransformersEngine as Chosen
    return Chosen(
        model_path,
        dtype=dtype,
        max_model_len=max_model_len,
        seed=seed,
        max_lora_rank=max_lora_rank,
        label_only=label_only,
    )


__all__ = ["Engine", "open_engine"]
