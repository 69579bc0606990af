"""vLLM behind the engine protocol: finished rows stream out while new ones are pulled in.

One engine a process: several in a row work on the CPU, but a GPU's memory is only surely free when the process
that held it has ended.
"""

import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from thinksafe.engines import vllm_cpu_lora
from thinksafe.engines.base import Completion, FinishReason, LabelRequest, LabelScore, Request
from thinksafe.engines.faults import check_adapter, check_model, explained, first_line, reading
from thinksafe.engines.rows import LOOP_COUNT, LOOP_PATTERN, prompt_error, text_of
from thinksafe.loading import uncollected

if TYPE_CHECKING:
    from vllm.lora.request import LoRARequest
    from vllm.outputs import RequestOutput
    from vllm.sampling_params import SamplingParams

MIB = 2**20
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # what vLLM can be opened for
CPU_SEQUENCES = 256  # rows whose whole length the CPU's cache should hold at once
FINISH: dict[str | None, FinishReason] = {"stop": "stop", "length": "length", "repetition": "repetition"}

R = TypeVar("R", Request, LabelRequest)
O = TypeVar("O", Completion, LabelScore)  # noqa: E741


def quiet() -> None:
    """Keep vLLM from logging and from calling home. Its import reads these, so they come before it."""
    for name, value in {
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_DISABLE_LOG_LOGO": "1",
        "TORCH_CPP_LOG_LEVEL": "ERROR",
        "TOKENIZERS_PARALLELISM": "false",
    }.items():
        os.environ.setdefault(name, value)
    logging.getLogger("vllm").setLevel(os.environ["VLLM_LOGGING_LEVEL"])
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm\.")


def load_library() -> None:
    """Import what an engine needs."""
    quiet()
    with uncollected():
        import vllm.engine.arg_utils
        import vllm.usage.usage_lib
        import vllm.v1.engine.llm_engine  # noqa: F401


class VllmEngine:
    """One model in vLLM. See `open_engine` for the arguments, `base.Engine` for what it does."""

    def __init__(
        self,
        model_path: str,
        *,
        dtype: str,
        max_model_len: int | None,
        seed: int,
        max_lora_rank: int | None = None,
        label_only: bool = False,
    ) -> None:
        check_model(model_path)
        self.model_path = model_path
        self._max_lora_rank = max_lora_rank
        self._adapters: dict[str, LoRARequest] = {}
        self._row = 0
        with reading(model_path):
            load_library()
        import torch
        from vllm.platforms import current_platform

        self._eager = torch.compiler.set_stance if current_platform.is_cpu() else None
        with reading(model_path):
            self._engine = _load(model_path, dtype, max_model_len, seed, max_lora_rank, label_only)
        config = self._engine.vllm_config
        self.max_model_len: int = config.model_config.max_model_len
        self._vocabulary: int = config.model_config.get_vocab_size()
        # Twice what runs at once: the scheduler never waits for a row, and memory does not grow with their number.
        self._window: int = 2 * config.scheduler_config.max_num_seqs
        self._tokenizer: Any = self._engine.get_tokenizer()

    @property
    def batch_invariant(self) -> bool:
        """Whether a row's ids are the same whatever else is in the engine (docs/determinism.md)."""
        import torch
        import vllm.envs as envs

        if self._eager is None:
            return bool(envs.VLLM_BATCH_INVARIANT)
        return self._engine.model_config.dtype == torch.float32 and torch.get_num_threads() == 1

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Sample one response a request; they come back as they finish."""
        return self._stream(requests, self._sampling, self._completion, _no_completion)

    def score_labels(self, requests: Iterable[LabelRequest]) -> Iterator[LabelScore]:
        """Read the labels' log-probabilities after one prefill each; they come back as they finish."""
        return self._stream(requests, _label_sampling, _label_score, _no_score)

    def close(self) -> None:
        """Give memory and process groups back, as far as a living process can."""
        import torch
        from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

        self._engine.engine_core.shutdown()
        # vLLM's CPU worker put a function that does nothing in its place; training in this process needs the real one.
        torch.set_num_threads = torch._C.set_num_threads
        del self._engine
        cleanup_dist_env_and_memory()

    def _stream(
        self,
        requests: Iterable[R],
        sampling: "Callable[[R], SamplingParams]",
        result: "Callable[[R, RequestOutput], O]",
        failed: Callable[[R, str], O],
    ) -> Iterator[O]:
        """Keep a window of rows in flight: add, step, hand out, until both ends are dry."""
        source, flying, dry = iter(requests), dict[str, R](), False
        try:
            while flying or not dry:
                while not dry and len(flying) < self._window:
                    request = next(source, None)
                    if request is None:
                        dry = True
                        break
                    row, error = self._add(request, sampling)
                    if error is None:
                        flying[row] = request
                    else:
                        yield failed(request, error)
                if not flying:
                    continue
                with explained(self.model_path), self._stance():
                    outputs = self._engine.step()
                for output in outputs:
                    if output.finished:
                        yield result(flying.pop(output.request_id), output)
        finally:
            if flying:  # the reader went away, or the device failed
                self._engine.abort_request(list(flying))

    def _stance(self) -> AbstractContextManager[object]:
        """On the CPU a helper of vLLM's sampler would be compiled by a C++ compiler at first use: 15 s lost."""
        return self._eager("force_eager") if self._eager else nullcontext()

    def _add(self, request: R, sampling: "Callable[[R], SamplingParams]") -> tuple[str, str | None]:
        """Hand a row to vLLM. The row's own faults come back as text; a wrong adapter is an error."""
        error = prompt_error(request.prompt_ids, self.max_model_len, self._vocabulary)
        if error is not None:
            return "", error
        from vllm.exceptions import VLLMClientError

        adapter = self._adapter(getattr(request, "adapter", None))
        self._row += 1
        row = str(self._row)
        try:
            prompt = {"prompt_token_ids": list(request.prompt_ids)}
            self._engine.add_request(row, prompt, sampling(request), lora_request=adapter)
        except (VLLMClientError, ValueError, TypeError) as refused:
            return "", first_line(refused)
        return row, None

    def _adapter(self, folder: str | None) -> "LoRARequest | None":
        if folder is None:
            return None
        if folder not in self._adapters:
            from vllm.lora.request import LoRARequest

            check_adapter(folder, self._max_lora_rank)
            self._adapters[folder] = LoRARequest(folder, len(self._adapters) + 1, folder)
        return self._adapters[folder]

    def _sampling(self, request: Request) -> "SamplingParams":
        from vllm.sampling_params import RepetitionDetectionParams, RequestOutputKind, SamplingParams

        s = request.sampling
        return SamplingParams(
            seed=s.seed,
            temperature=s.temperature,
            top_p=s.top_p,
            top_k=s.top_k,
            max_tokens=s.max_tokens,
            repetition_detection=RepetitionDetectionParams(LOOP_PATTERN, 1, LOOP_COUNT),
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _completion(self, request: Request, output: "RequestOutput") -> Completion:
        answer = output.outputs[0]
        ids = tuple(answer.token_ids)
        reason = FINISH.get(answer.finish_reason)
        if reason is None:
            return _no_completion(request, f"vLLM ended the row: {answer.finish_reason}")
        return Completion(request.key, ids, text_of(self._tokenizer, ids), reason)


def _no_completion(request: Request, error: str) -> Completion:
    return Completion(request.key, (), "", "error", error)


def _no_score(request: LabelRequest, error: str) -> LabelScore:
    return LabelScore(request.key, None, error)


def _label_sampling(request: LabelRequest) -> "SamplingParams":
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    return SamplingParams(
        max_tokens=1,
        temperature=0,
        logprob_token_ids=list(request.label_ids),
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _label_score(request: LabelRequest, output: "RequestOutput") -> LabelScore:
    positions = output.outputs[0].logprobs
    if not positions:
        return _no_score(request, f"vLLM ended the row: {output.outputs[0].finish_reason}")
    scores = positions[0]
    return LabelScore(request.key, tuple(scores[i].logprob for i in request.label_ids))


def _load(
    model_path: str, dtype: str, max_model_len: int | None, seed: int, max_lora_rank: int | None, label_only: bool
) -> Any:
    from vllm.engine.arg_utils import EngineArgs
    from vllm.platforms import current_platform
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.llm_engine import LLMEngine

    on_cpu = current_platform.is_cpu()
    settings: dict[str, Any] = {}
    if on_cpu:
        settings = _cpu_settings(model_path, max_model_len)
    if max_lora_rank is not None:
        rank = next((r for r in LORA_RANKS if r >= max_lora_rank), LORA_RANKS[-1])
        if on_cpu:
            vllm_cpu_lora.install()
        settings |= {"enable_lora": True, "max_lora_rank": rank, "max_loras": 1}
    args = EngineArgs(
        model=model_path,
        dtype=dtype,  # pyright: ignore[reportArgumentType]
        max_model_len=max_model_len,  # pyright: ignore[reportArgumentType]
        seed=seed,
        enforce_eager=on_cpu or label_only,  # graphs pay off in long decoding on a GPU only
        disable_log_stats=True,
        use_tqdm_on_load=False,
        logprobs_mode="raw_logprobs",  # before temperature, over the whole vocabulary
        trust_remote_code=False,
        load_format="safetensors",  # "auto" would read a pickle where there is nothing else
        **settings,
    )
    # On a GPU the limits of vLLM's own offline class (1,024 rows in flight on an H100); a bare engine gets 128.
    context = UsageContext.ENGINE_CONTEXT if on_cpu else UsageContext.LLM_CLASS
    return LLMEngine.from_engine_args(args, usage_context=context)


def _cpu_settings(model_path: str, max_model_len: int | None) -> dict[str, Any]:
    """Settings for the CPU: the engine in this process, and a cache no larger than the rows can use."""
    # A process of its own would import vLLM a second time: 10 s and more.
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model_path, trust_remote_code=False).get_text_config()
    length = max_model_len or config.max_position_embeddings
    # A prompt cut into chunks makes vLLM 0.32 wind a row's random generator back, which a CPU generator cannot do.
    settings: dict[str, Any] = {"enable_chunked_prefill": False, "max_num_batched_tokens": max(4096, length)}
    if not os.environ.get("VLLM_CPU_KVCACHE_SPACE"):
        # The default is a share of the whole memory; writing zeros to it is what a tiny model would wait for.
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        row = 2 * config.num_hidden_layers * heads * size * 4 * length  # key and value in float32
        settings["kv_cache_memory_bytes"] = max(min(row * CPU_SEQUENCES, 4096 * MIB), 2 * row, 64 * MIB)
    return settings
