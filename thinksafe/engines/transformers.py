"""Plain batched decoding with transformers and peft: no other server, for small models and for checks.

Batches are fixed slices of the requests in the order given, so the same requests in the same order give the same
bytes on the same machine. Another order or another neighbour may change the last bit of a logit
(docs/determinism.md).
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.cache_utils import DynamicCache
from transformers.utils.logging import disable_progress_bar

from thinksafe.engines.base import Completion, FinishReason, LabelRequest, LabelScore, Request, Sampling
from thinksafe.engines.faults import NO_CODE, check_adapter, check_model, explained, reading
from thinksafe.engines.rows import loops, prompt_error, text_of

BATCH = 64  # rows decoded together: enough to fill small models, small enough for the cache of a long response

R = TypeVar("R", Request, LabelRequest)


class TransformersEngine:
    """One model in transformers. See `open_engine` for the arguments, `base.Engine` for what it does."""

    batch_invariant = False

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
        del seed, label_only  # every row has its own seed, and nothing is prepared for decoding
        check_model(model_path)
        disable_progress_bar()
        self.model_path = model_path
        self._max_lora_rank = max_lora_rank
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        with reading(model_path):
            model: Any = AutoModelForCausalLM.from_pretrained(model_path, dtype=dtype, **NO_CODE)
            model.to(self._device).eval()
        self._model: Any = model
        self._base: Any = model
        self._adapters: dict[str, str] = {}
        self._tokenizer: Any = AutoTokenizer.from_pretrained(model_path, trust_remote_code=False)
        config = model.config.get_text_config()
        longest = config.max_position_embeddings
        self.max_model_len: int = min(max_model_len or longest, longest)
        self._vocabulary: int = config.vocab_size
        ids = model.generation_config.eos_token_id
        self._eos = {self._tokenizer.eos_token_id, *(ids if isinstance(ids, list) else [ids])} - {None}

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Sample one response a request; they come back in slices of at most BATCH rows."""
        for rows in _slices(requests):
            good: dict[str | None, list[Request]] = {}
            for row in rows:
                error = prompt_error(row.prompt_ids, self.max_model_len, self._vocabulary)
                if error:
                    yield Completion(row.key, (), "", "error", error)
                else:
                    good.setdefault(row.adapter, []).append(row)
            for adapter, batch in good.items():
                with explained(self.model_path):
                    answers = self._decode(self._with(adapter), batch)
                for row, (ids, reason) in zip(batch, answers, strict=True):
                    yield Completion(row.key, ids, text_of(self._tokenizer, ids), reason)

    @torch.inference_mode()
    def score_labels(self, requests: Iterable[LabelRequest]) -> Iterator[LabelScore]:
        """Read the labels' log-probabilities after one prefill each; they come back in slices."""
        for rows in _slices(requests):
            good = []
            for row in rows:
                error = prompt_error(row.prompt_ids, self.max_model_len, self._vocabulary)
                if error is None and not all(0 <= i < self._vocabulary for i in row.label_ids):
                    error = "a label id is not in the vocabulary"
                if error:
                    yield LabelScore(row.key, None, error)
                else:
                    good.append(row)
            if not good:
                continue
            with explained(self.model_path):
                logits, _ = self._forward(self._with(None), self._padded(good), None)
                logprobs = logits.log_softmax(-1).cpu()
            for row, scores in zip(good, logprobs, strict=True):
                yield LabelScore(row.key, tuple(scores[list(row.label_ids)].tolist()))

    def close(self) -> None:
        """Give the memory back."""
        del self._model, self._base
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _with(self, adapter: str | None) -> Any:
        """The model with this adapter on, or with none."""
        if adapter is None:
            if self._adapters:
                self._model.base_model.disable_adapter_layers()
            return self._model
        if adapter not in self._adapters:
            from peft import PeftModel

            check_adapter(adapter, self._max_lora_rank)
            name = f"a{len(self._adapters)}"
            if self._adapters:
                self._model.load_adapter(adapter, name)
            else:
                self._model = PeftModel.from_pretrained(self._base, adapter, name).eval()
            self._adapters[adapter] = name
        self._model.base_model.enable_adapter_layers()
        self._model.set_adapter(self._adapters[adapter])
        return self._model

    def _padded(self, rows: list[R]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask, [rows, longest], padded on the left so that the last column is everyone's last token."""
        longest = max(len(row.prompt_ids) for row in rows)
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, longest - len(row.prompt_ids):] = torch.tensor(row.prompt_ids)
            mask[i, longest - len(row.prompt_ids):] = 1
        return ids.to(self._device), mask.to(self._device)

    def _forward(
        self, model: Any, inputs: tuple[torch.Tensor, torch.Tensor], cache: DynamicCache | None
    ) -> tuple[torch.Tensor, DynamicCache]:
        """Logits of the last column, [rows, vocabulary] in float32, and the cache."""
        ids, mask = inputs
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1]:]
        out = model(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[:, -1].float(), out.past_key_values

    @torch.inference_mode()
    def _decode(self, model: Any, rows: list[Request]) -> list[tuple[tuple[int, ...], FinishReason]]:
        """Decode one batch. A finished row leaves the batch, so that the tail does not carry it along."""
        answers: list[list[int]] = [[] for _ in rows]
        reasons: list[FinishReason] = ["length"] * len(rows)
        generators = [torch.Generator(self._device).manual_seed(row.sampling.seed) for row in rows]
        alive = list(range(len(rows)))
        ids, mask = self._padded(rows)
        cache = None
        while alive:
            logits, cache = self._forward(model, (ids, mask), cache)
            drawn = sample(logits, [rows[i].sampling for i in alive], [generators[i] for i in alive])
            kept = []
            for position, (i, token) in enumerate(zip(alive, drawn.tolist(), strict=True)):
                answers[i].append(token)
                reason = self._end(rows[i], answers[i])
                if reason is None:
                    kept.append(position)
                else:
                    reasons[i] = reason
            if len(kept) < len(alive):
                keep = torch.tensor(kept, dtype=torch.long, device=self._device)
                alive = [alive[position] for position in kept]
                mask, drawn = mask[keep], drawn[keep]
                if alive:
                    cache.batch_select_indices(keep)
            ids = drawn[:, None]
            mask = torch.cat([mask, mask.new_ones(len(alive), 1)], 1)
        return [(tuple(answer), reason) for answer, reason in zip(answers, reasons, strict=True)]

    def _end(self, row: Request, answer: list[int]) -> FinishReason | None:
        if answer[-1] in self._eos:
            return "stop"
        if len(answer) >= row.sampling.max_tokens or len(row.prompt_ids) + len(answer) >= self.max_model_len:
            return "length"
        return "repetition" if loops(answer) else None


def sample(logits: torch.Tensor, how: list[Sampling], generators: list[torch.Generator]) -> torch.Tensor:
    """Draw one token a row: temperature, then the top k, then the smallest set of mass top p, as vLLM does.

    `logits` is [rows, vocabulary]; the result [rows]. Row i uses generator i only. With q drawn from Exp(1),
    argmax(p / q) is a draw from p (the exponential race), one generator call a row.
    """
    temperature = logits.new_tensor([max(s.temperature, 1e-5) for s in how])[:, None]
    values, order = (logits / temperature).sort(dim=-1, descending=True, stable=True)
    vocabulary = logits.shape[-1]
    k = torch.tensor([s.top_k or vocabulary for s in how], device=logits.device)[:, None]
    values = values.masked_fill(torch.arange(vocabulary, device=logits.device) >= k, -torch.inf)
    probs = values.softmax(-1)
    p = logits.new_tensor([s.top_p for s in how])[:, None]
    probs = probs.masked_fill(probs.cumsum(-1) - probs >= p, 0)
    probs[:, 0].clamp_(min=torch.finfo(probs.dtype).tiny)  # the likeliest token always stays
    race = torch.stack([torch.empty(vocabulary, device=logits.device).exponential_(generator=g) for g in generators])
    greedy = torch.tensor([s.temperature == 0 for s in how], device=logits.device)[:, None]
    probs = torch.where(greedy, probs, probs / race)
    return order.gather(-1, probs.argmax(-1, keepdim=True))[:, 0]


def _slices(requests: Iterable[R]) -> Iterator[list[R]]:
    source = iter(requests)
    while batch := list(islice(source, BATCH)):
        yield batch
