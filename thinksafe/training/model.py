"""The student as training needs it: its last hidden states over packs, its frozen head, and LoRA on top."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate.utils import set_seed
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from thinksafe import spec
from thinksafe.errors import DataError, SettingsError
from thinksafe.training import attention
from thinksafe.training.loss import token_nll
from thinksafe.training.packing import Pack, lay_out
from thinksafe.training.rows import TrainRow


@dataclass(frozen=True)
class Student:
    """A loaded causal model, with or without LoRA. `head` is W of the logits, [V, H], frozen."""

    causal: PreTrainedModel
    peft: PeftModel | None
    head: Tensor

    @property
    def device(self) -> torch.device:
        return self.head.device

    def hidden(self, pack: Pack, places: Sequence[int], *, base: bool = False) -> Tensor:
        """Last hidden states at the given places of a pack: [len(places), H]. `base` switches the adapter off."""
        at = self.device
        borders = torch.tensor([0, *pack.lengths], dtype=torch.int32, device=at).cumsum(0, dtype=torch.int32)
        off = self.peft.disable_adapter() if base and self.peft else nullcontext()
        with off:
            out = self.causal.get_decoder()(
                input_ids=torch.tensor([pack.ids], device=at),
                position_ids=torch.tensor([pack.positions], device=at),
                attention_mask=None,  # a mask, even one of ones, would let rows see each other (see attention.py)
                use_cache=False, cu_seq_lens_q=borders, cu_seq_lens_k=borders,
                max_length_q=max(pack.lengths), max_length_k=max(pack.lengths),
            ).last_hidden_state
        return out[0].index_select(0, torch.tensor(list(places), device=at))

    def nll(self, pack: Pack, *, base: bool = False) -> Tensor:
        """-log p of every response token of a pack, in the order of `pack.targets`."""
        targets = torch.tensor(pack.targets, device=self.device)
        return token_nll(self.hidden(pack, pack.predicts, base=base), self.head, targets)


def load(model_path: str, *, dtype: str, device: torch.device) -> Student:
    """Read a causal model's folder, frozen, with packed attention, and check that packing is exact on it.

    Raises SettingsError if there is no such model, or one whose head or attention we would get wrong.
    """
    try:
        causal = AutoModelForCausalLM.from_pretrained(
            model_path, dtype=dtype if dtype == "auto" else getattr(torch, dtype), attn_implementation="sdpa",
            trust_remote_code=False, use_safetensors=True,
        )
    except (OSError, ValueError) as err:
        raise SettingsError(f"the model to train cannot be read: {err}", hint="See spec.model.") from err
    causal.requires_grad_(False).eval()
    torch.nn.Module.to(causal, device)
    student = Student(causal, None, _head(causal))
    _check_exact(student)
    return student


def _head(causal: PreTrainedModel) -> Tensor:
    """W of the logits."""
    head = causal.get_output_embeddings()
    if head is None:
        raise SettingsError("the model to train has no language-model head", hint="See spec.model.")
    return head.weight


def _probe(vocabulary: int) -> list[TrainRow]:
    """Two short rows of arbitrary ids."""
    ids = [(7 * i * i + 3) % vocabulary for i in range(24)]
    return [TrainRow("a", "benign", ids[:3], ids[3:10]), TrainRow("b", "benign", ids[10:15], ids[15:])]


@torch.no_grad()
def _check_exact(student: Student) -> None:
    """Compare two packed rows through our head with the model's own forward pass on each alone.

    It costs three tiny passes and catches every model with another head (soft-capped, scaled, biased logits) or
    another attention than ours, which would else train on a slightly wrong loss in silence. Leaves the model with
    packed attention.
    """
    rows, own = _probe(student.head.shape[0]), []
    for row in rows:
        ids = torch.tensor([[*row.prompt_ids, *row.response_ids]], device=student.device)
        logits = student.causal(input_ids=ids, use_cache=False).logits[0, len(row.prompt_ids) - 1 : -1].float()
        own.append(torch.nn.functional.cross_entropy(logits, ids[0, len(row.prompt_ids) :], reduction="none"))
    try:
        student.causal.set_attn_implementation(attention.NAME)
        ours = student.nll(lay_out(rows)).float()
    except (RuntimeError, TypeError, ValueError) as err:
        raise SettingsError(f"rows cannot be packed for this kind of model: {err}", reason="ModelUnsupported") from err
    expected, close = torch.cat(own), 1e-3 if student.head.dtype == torch.float32 else 0.1
    if not torch.allclose(ours, expected, rtol=close, atol=close):
        raise SettingsError(
            f"the loss of this kind of model ({student.causal.config.model_type}) would be wrong: it differs from the "
            f"model's own by {float((ours - expected).abs().max()):.3g} nats a token",
            hint="Its head or attention is of a kind that training does not know yet.", reason="ModelUnsupported",
        )


def with_lora(student: Student, settings: spec.Training, *, seed: int, base_name: str | None) -> Student:
    """The student with a new adapter; its random start is a function of the seed.

    Raises SettingsError for targets that the model lacks or that would unfreeze the head, and for float16, whose
    small gradients vanish without loss scaling.
    """
    if student.head.dtype == torch.float16:
        raise SettingsError("training in float16 is not possible", hint="Set spec.model.dtype to bfloat16.")
    targets = "all-linear" if settings.targets == ["all-linear"] else list(settings.targets)
    set_seed(seed)
    try:
        peft = get_peft_model(student.causal, LoraConfig(
            task_type="CAUSAL_LM", r=settings.rank, lora_alpha=settings.alpha,  # pyright: ignore[reportArgumentType]
            lora_dropout=settings.dropout, target_modules=targets,
        ))
    except ValueError as err:
        raise SettingsError(f"LoRA does not fit this model: {err}", hint="See spec.training.targets.") from err
    assert isinstance(peft, PeftModel)
    # PEFT would note the folder that the model was read from, which means nothing elsewhere.
    peft.peft_config["default"].base_model_name_or_path = base_name or ""
    causal = student.causal
    head = causal.get_output_embeddings()
    if head is None or any(p.requires_grad for p in head.parameters()):
        raise SettingsError("spec.training.targets names the output head, which must stay frozen")
    if settings.gradient_checkpointing:
        causal.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    peft.train()
    return Student(causal, peft, student.head)


def check_ids(rows: Sequence[TrainRow], vocabulary: int) -> None:
    """Raises DataError if a row has an id that the model does not know."""
    for row in rows:
        ids = (*row.prompt_ids, *row.response_ids)
        if min(ids) < 0 or max(ids) >= vocabulary:
            raise DataError(
                f"training row {row.id} has a token id outside the model's vocabulary of {vocabulary}",
                hint="Were the responses drawn with another tokenizer?",
            )


def parameters(student: Student) -> dict[str, torch.nn.Parameter]:
    """The adapter's weights by name, in a fixed order."""
    assert student.peft is not None
    return {name: p for name, p in student.peft.named_parameters() if p.requires_grad}


def save_adapter(student: Student, folder: Path) -> None:
    """Write adapter_model.safetensors and adapter_config.json as PEFT does."""
    assert student.peft is not None
    student.peft.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card; the run writes its own
    config = folder / "adapter_config.json"
    told = json.loads(config.read_text())
    if isinstance(told["target_modules"], list):
        told["target_modules"].sort()  # a set in PEFT: its order would differ from one process to the next
    config.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n")
