"""A user's mistake in a manifest is one line that names the file and the field."""

import pytest

from thinksafe import manifest
from thinksafe.errors import SettingsError, UsageError

GOOD = """
apiVersion: thinksafe.dev/v1alpha1
kind: ThinkSafeRun
metadata: {name: tiny}
spec:
  model: {name: "tiny://student"}
  prompts: [{source: "tiny://prompts"}]
"""


def written(tmp_path, text):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    return file


def test_a_good_manifest_is_read_with_the_papers_defaults(tmp_path):
    spec = manifest.read(written(tmp_path, GOOD)).spec
    assert (spec.training.rank, spec.training.alpha, spec.training.learning_rate) == (32, 16, 1e-5)
    assert (spec.generation.temperature, spec.generation.max_tokens) == (0.6, 16_384)
    assert spec.steering.template == "prefix"


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        (("name: tiny}", "name: Tiny_1}"), "metadata.name", "pattern"),
        (("kind: ThinkSafeRun", "kind: Pod"), "kind", "ThinkSafeRun"),
        (("spec:\n", "spec:\n  seed: many\n"), "spec.seed", "integer"),
        (("spec:\n", "spec:\n  training: {rnak: 8}\n"), "spec.training.rnak", "no such field"),
        (("spec:\n", "spec:\n  steering: {template: prefx}\n"), "spec.steering", "prefix, suffix"),
        (("spec:\n", "spec:\n  steering: {ladder: [{template: 'no place'}]}\n"), "spec.steering", "ladder[0]"),
        (("spec:\n", "spec:\n  guard: {threshold: 1.5}\n"), "spec.guard.threshold", "less than 1"),
        (("spec:\n", "spec:\n  gate: {rules: [{kind: harmful}]}\n"), "spec.gate.rules[0]", "one of max"),
        (('  prompts: [{source: "tiny://prompts"}]', "  prompts: []"), "spec.prompts", "at least 1"),
        (('  model: {name: "tiny://student"}\n', ""), "spec.model", "required"),
    ],
)
def test_a_mistake_names_its_field(tmp_path, change, field, why):
    file = written(tmp_path, GOOD.replace(*change))
    with pytest.raises(SettingsError) as caught:
        manifest.read(file)
    line = caught.value.line()
    assert caught.value.code == 78
    assert str(file) in line and field in line and why in line
    assert "\n" not in line


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2", "", GOOD + "---" + GOOD, "just text"])
def test_what_is_no_manifest_is_refused(tmp_path, text):
    with pytest.raises(SettingsError):
        manifest.read(written(tmp_path, text))


def test_a_missing_file_is_a_wrong_use_of_the_command(tmp_path):
    with pytest.raises(UsageError) as caught:
        manifest.read(tmp_path / "none.yaml")
    assert caught.value.code == 64
