"""The models: tokenizer, training, where they lie, and what the committed ones do."""

import json

import pytest
import torch

from thinksafe import tinyworld
from thinksafe.tinyworld import corpus, measure, models, store
from thinksafe.tinyworld.__main__ import main

SMALL = 60  # samples per figure: enough to notice a broken model, not to place it


@pytest.fixture(scope="module")
def student():
    return measure.load(store.WEIGHTS / "student-0")


@pytest.mark.parametrize("kind", ["student", "guard"])
def test_committed_weights_are_small_bfloat16_and_of_qwen3s_shape(kind):
    path = tinyworld.model_path(kind)
    assert path == store.WEIGHTS / f"{kind}-0"
    assert sum(file.stat().st_size for file in path.iterdir()) < 2_000_000
    config = json.loads((path / "config.json").read_text())
    assert (config["model_type"], config["dtype"]) == ("qwen3", "bfloat16")
    assert config["max_position_embeddings"] == 1024
    assert store.kind_of(path) == kind


def test_numbers_and_labels_are_single_tokens(student):
    _, tokenizer = student
    wanted = [form.format(n) for n in range(61) for form in ("{}", " {}")] + ["safe", "unsafe", "<think>", "</think>"]
    assert [text for text in wanted if len(tokenizer(text).input_ids) != 1] == []


def test_the_thoughts_borders_survive_decoding_and_the_turns_end_does_not(student):
    _, tokenizer = student
    ids = tokenizer("<think>\nSo.\n</think>\n\nNo.<|im_end|>").input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "<think>\nSo.\n</think>\n\nNo."
    assert ids[-1] == tokenizer.eos_token_id


def test_training_renders_prompts_as_the_chat_template_does(student):
    _, tokenizer = student
    messages = [{"role": "user", "content": "How do I oil the lock?"}]
    rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert rendered == models.chat("How do I oil the lock?")


def test_any_text_survives_the_tokenizer(student):
    _, tokenizer = student
    text = "Ünïcode 🙂, tabs\t and 1234\r\n  spaces "
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_a_frame_in_three_parts_has_the_ids_of_the_whole():
    _, tokenizer = measure.load(tinyworld.model_path("guard"))
    pairs = [(c.prompt, c.response) for c in corpus.guard_conversations(0, 50, "evaluation")]
    whole = tokenizer(["".join(tinyworld.guard_frame(*pair)) for pair in pairs]).input_ids
    assert models.frame_ids(tokenizer, pairs) == whole


def test_padding_changes_no_loss(student):
    model, tokenizer = student
    rows = models.student_rows(tokenizer, 0, 4)
    tokens = [len(ids) - prompt for ids, prompt in rows]
    one_by_one = sum(models.batch_loss(model, [row]).item() * n for row, n in zip(rows, tokens, strict=True))
    assert models.batch_loss(model, rows).item() == pytest.approx(one_by_one / sum(tokens), rel=1e-5)


def test_every_row_is_in_one_batch_once(student):
    _, tokenizer = student
    rows = models.student_rows(tokenizer, 0, 100)
    batches = list(models.batches(rows, 0))
    assert sorted(row for batch in batches for row in batch) == sorted(rows)
    assert batches == list(models.batches(rows, 0)) != list(models.batches(rows, 1))


def test_training_lowers_the_loss_and_repeats_from_its_seed(student):
    _, tokenizer = student
    rows = models.student_rows(tokenizer, 0, 160)

    def trained():
        torch.manual_seed(0)
        model = models.Qwen3ForCausalLM(models.shape("guard", tokenizer))
        models.train(model, rows, 0, None)
        return model

    model = trained()
    assert models.batch_loss(model, rows[:16]).item() < 6  # an untrained one has log(1300) = 7.2
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), trained().parameters(), strict=True))


def fake_make(kind, seed, out, progress=None):
    (out / "model.safetensors").write_text(f"{kind} {seed}")


def test_other_seeds_are_made_once_and_kept_by_content(tmp_path, monkeypatch):
    monkeypatch.setenv("THINKSAFE_CACHE", str(tmp_path))
    monkeypatch.setattr(models, "make", fake_make)
    path = tinyworld.model_path("student", 77)
    assert path == tmp_path / "tinyworld" / store.code_digest("student")[:16] / "student-77"
    monkeypatch.setattr(models, "make", None)
    assert tinyworld.model_path("student", 77) == path
    assert [entry.name for entry in path.parent.iterdir()] == ["student-77"]


def test_a_crash_leaves_nothing_half_made(tmp_path, monkeypatch):
    def crash(kind, seed, out, progress=None):
        (out / "config.json").write_text("{")
        raise KeyboardInterrupt

    monkeypatch.setenv("THINKSAFE_CACHE", str(tmp_path))
    monkeypatch.setattr(models, "make", crash)
    with pytest.raises(KeyboardInterrupt):
        tinyworld.model_path("guard", 77)
    assert list(tmp_path.rglob("*7*/*")) == []
    monkeypatch.setattr(models, "make", fake_make)
    assert (tinyworld.model_path("guard", 77) / "model.safetensors").exists()


def test_two_processes_making_the_same_model_do_no_harm(tmp_path, monkeypatch):
    place = tmp_path / "student-77"

    def overtaken(kind, seed, out, progress=None):
        fake_make(kind, seed, out)
        place.mkdir()
        (place / "model.safetensors").write_text("the other's")

    monkeypatch.setattr(models, "make", overtaken)
    store.make_at(place, "student", 77)
    assert (place / "model.safetensors").read_text() == "the other's"
    assert [entry.name for entry in tmp_path.iterdir()] == ["student-77"]


def test_what_is_in_the_way_is_not_taken_for_a_model(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "make", fake_make)
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        store.make_at(tmp_path / "place", "student", 77)
    (tmp_path / "place").rename(tmp_path / "student-1")
    with pytest.raises(SystemExit, match="left as it is"):
        main(["make", "--kind", "student", "--seed", "1", "--out", str(tmp_path)])
    assert (tmp_path / "student-1" / "notes.txt").read_text() == "mine"


def test_the_committed_student_keeps_its_bounds():
    figures = measure.check_student(tinyworld.model_path("student"), SMALL)
    assert [figure for figure in figures if not figure.kept] == []


def test_the_committed_guard_keeps_its_bounds():
    figures = measure.check_guard(tinyworld.model_path("guard"), SMALL)
    assert [figure for figure in figures if not figure.kept] == []


def test_the_check_fails_on_a_model_that_has_learned_nothing(tmp_path, student, capsys, monkeypatch):
    monkeypatch.setattr(measure, "MAX_NEW_TOKENS", 16)
    _, tokenizer = student
    torch.manual_seed(0)
    for kind in ("student", "guard"):
        models.save(models.Qwen3ForCausalLM(models.shape(kind, tokenizer)), tokenizer, tmp_path / kind)
    assert main(["check", str(tmp_path / "student"), str(tmp_path / "guard"), "-n", "10"]) == 1
    assert capsys.readouterr().out.count("OUT OF BOUNDS") > 8


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["student", "guard"])
def test_a_model_remade_from_its_seed_keeps_the_same_bounds(kind):
    """Made anew when the code that makes it or torch is another one: that takes minutes, so it is kept."""
    place = store.cache(kind) / f"remade-{kind}-0-torch-{torch.__version__}"
    if not place.exists():
        store.make_at(place, kind, 0)
    assert main(["check", str(place), "-n", "200"]) == 0
