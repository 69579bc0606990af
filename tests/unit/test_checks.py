"""What `thinksafe validate` finds beyond what the models of the spec refuse."""

import pytest
from integration.runs import document

from thinksafe import checks
from thinksafe.errors import SettingsError
from thinksafe.manifest import parse


def spec(**evaluation_and_gate):
    return parse(document(**evaluation_and_gate), "x").spec


def test_a_rule_about_a_kind_that_nobody_measures_is_refused():
    unmeasured = spec(evaluation={"benchmarks": ["tiny-harmful"]}, gate={"rules": [{"kind": "accuracy", "min": 0.5}]})
    with pytest.raises(SettingsError, match=r"spec\.gate\.rules\[0\].*accuracy.*none is measured"):
        checks.check(unmeasured)


def test_a_rule_about_a_benchmark_of_another_kind_is_refused():
    rule = {"kind": "accuracy", "benchmark": "tiny-harmful", "min": 0.5}
    with pytest.raises(SettingsError, match=r"tiny-harmful is of kind harmful"):
        checks.check(spec(evaluation={"benchmarks": ["tiny-harmful"]}, gate={"rules": [rule]}))


def test_the_default_gate_may_wait_for_benchmarks_and_a_measured_rule_is_fine():
    without = document(evaluation={"benchmarks": []})
    del without["spec"]["gate"]
    checks.check(parse(without, "x").spec)
    checks.check(spec())
