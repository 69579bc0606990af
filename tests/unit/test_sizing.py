"""The estimates agree with what is published and with themselves, and docs/gpus.md shows what they give."""

import dataclasses
from pathlib import Path

import pytest

from thinksafe import sizing
from thinksafe.sizing import BENIGN, CARDS, HARMFUL, SHAPES

MODELS = {shape.name: shape for shape in SHAPES}
H100, H200, A100, L40S = CARDS


@pytest.mark.parametrize(("name", "kib"), [
    ("Qwen3-0.6B", 112), ("Qwen3-1.7B", 112), ("Qwen3-4B", 144), ("Qwen3-8B", 144),
    ("R1-Distill-Qwen-1.5B", 28), ("R1-Distill-Qwen-7B", 56), ("R1-Distill-Llama-8B", 128),
])  # fmt: skip
def test_the_cache_of_a_token(name, kib):
    assert sizing.kv(MODELS[name]) == kib * 1024


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.name)
def test_the_shape_of_a_model_makes_about_its_parameters(shape):
    """Attention and MLP from the configuration; vocabulary and norms are the rest, at most 27 % (0.6B)."""
    q, k = shape.heads * shape.head, shape.kv_heads * shape.head
    layer = shape.hidden * (2 * q + 2 * k) + 3 * shape.hidden * shape.mlp
    assert 0.72 < shape.layers * layer / shape.parameters < 1


def test_generation_of_the_smallest_takes_what_the_paper_took():
    """[P] Figure 3: 0.45 h on two H100."""
    found = sizing.hours(MODELS["Qwen3-0.6B"], H100)
    assert found and found.generate == pytest.approx(0.9, rel=0.25)


def test_the_guard_takes_half_an_hour_and_more():
    """40,000 rows of about 1,500 tokens through 8B: 0.96e18 operations."""
    found = sizing.hours(MODELS["Qwen3-0.6B"], H100)
    operations = 2 * sizing.GUARD * 40_000 * 1_500
    assert found and found.filter * 3600 == pytest.approx(operations / (sizing.PREFILL * H100.operations), rel=0.02)


def test_more_of_anything_that_limits_helps():
    base = sizing.hours(MODELS["Qwen3-8B"], H100)
    for change in ({"bandwidth": 2 * H100.bandwidth}, {"memory": 1.5 * H100.memory}):
        better = sizing.hours(MODELS["Qwen3-8B"], dataclasses.replace(H100, **change))
        assert base and better and better.generate < base.generate
        assert better.evaluate < base.evaluate
    faster = sizing.hours(MODELS["Qwen3-8B"], dataclasses.replace(H100, operations=2 * H100.operations))
    assert base and faster
    assert (faster.train, faster.filter) == (base.train / 2, base.filter / 2)


def test_rows_in_flight_never_exceed_the_engines_limit_nor_the_memory():
    context = sizing.live((HARMFUL, BENIGN))
    for shape in SHAPES:
        for card in CARDS:
            rows = sizing.in_flight(shape, card, context)
            assert 0 <= rows <= card.rows
            if rows:
                held = sizing.weights(shape) + rows * context * sizing.kv(shape)
                assert held <= sizing.MEMORY_USED * card.memory * 1.0001


def test_what_does_not_fit_is_said():
    huge = MODELS["Qwen3-32B"]
    assert sizing.hours(huge, H100) is None
    assert sizing.hours(huge, H200) is not None
    assert any("Qwen3-32B | does not fit" in line for line in sizing.hours_table(H100, 3.0))


def test_checkpointing_costs_half_as_much_again_and_saves_memory():
    small = MODELS["Qwen3-0.6B"]
    assert not sizing.must_checkpoint(small, H100)
    assert sizing.training(small, checkpointing=True) < sizing.training(small, checkpointing=False)
    tight = dataclasses.replace(H100, memory=24e9)
    assert sizing.must_checkpoint(small, tight)
    free, saving = sizing.hours(small, H100), sizing.hours(small, tight)
    assert free and saving and saving.train == pytest.approx(1.5 * free.train)


def test_the_page_shows_what_the_formulas_give(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["sizing"])
    sizing.main()
    page = (Path(__file__).parents[2] / "docs" / "gpus.md").read_text()
    for table in capsys.readouterr().out.strip().split("\n\n"):
        assert table in page, "docs/gpus.md is not up to date: put in what `python -m thinksafe.sizing` prints"
