"""An experiment's decide against a world in which everything goes wrong that can, in any order.

What must hold is checked at every write (world.py) and after every step (here). At the end of every story the faults
stop, and the experiment must come to its end.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from unit.operator.experiments.world import ENDED, RUN, Conflict, World, spec

from thinksafe.experiment_status import VARIANT_ENDS

NAMES = ("a", "b", "c", "d")
REFUSALS = ((422, "Invalid value"), (403, "denied request"), (403, "cannot create"), (403, "exceeded quota"))
BAD_WORDS = ({"code": 0}, {"code": 0, "report": "", "rounds": {"a": {"go": 1}}})


class Story(RuleBasedStateMachine):
    """One experiment of four variants."""

    @initialize(
        sources=st.tuples(*(st.sampled_from([None, *NAMES[:i]]) for i in range(4))),
        bad=st.sampled_from([None, None, *NAMES]),
        parallelism=st.integers(1, 3),
        policy=st.sampled_from(["Continue", "FailFast"]),
        stop=st.booleans(),
        suspend=st.booleans(),
        patience=st.sampled_from([{}, {"pendingDeadlineSeconds": 300}]),
    )
    def begin(self, sources, bad, parallelism, policy, stop, suspend, patience):
        variants = [
            {"name": n, **({"generatorFrom": s} if s else {}), **({"patch": {"seed": -1}} if n == bad else {})}
            for n, s in zip(NAMES, sources, strict=True)
        ]
        rule = {"stop": {}} if stop else {}
        fields = spec(*variants, parallelism=parallelism, failurePolicy=policy, suspend=suspend, **rule)
        fields["run"] = {**RUN, "workers": patience}
        self.world, self.policy = World(fields), policy
        self.most = parallelism
        self.after_failure: set[str] | None = None

    # --- the operator ----------------------------------------------------------------------------------------------

    @rule()
    def a_pass(self):
        self.world.reconcile()

    @rule()
    def passes_until_all_is_quiet(self):
        self.world.settle()

    @rule(stop=st.integers(1, 5), done=st.booleans(), age=st.integers(0, 6))
    def a_pass_that_stops_halfway_or_over_an_old_reading(self, stop, done, age):
        self.world.reconcile(stop, done=done, age=age)

    @rule(at=st.integers(0, 4))
    def two_operators_at_once(self, at):
        if self.world.experiment is None:
            return
        try:
            for number, step in enumerate(self.world.steps(self.world.experiment, self.world.seen())):
                if number == at:
                    self.world.reconcile()
                step()
        except Conflict:
            return

    # --- the cluster -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.world.live())
    @rule(data=st.data(), phase=st.sampled_from(["Succeeded", "Succeeded", "GateFailed", "Failed", "Running"]))
    def a_run_goes_on_or_ends(self, data, phase):
        name = data.draw(st.sampled_from(self.world.live()))
        if self.world.runs[name].suspend:
            self.world.change_run(name, phase="Suspended")
        elif phase == "Running":
            self.world.change_run(name, phase=phase)
        else:
            self.world.end_run(name, phase, adapter=data.draw(st.sampled_from(["ab" * 32, "ab" * 8, ""])))

    @precondition(lambda self: self.world.runs)
    @rule(data=st.data())
    def somebody_deletes_a_run(self, data):
        del self.world.runs[data.draw(st.sampled_from(sorted(self.world.runs)))]

    @precondition(lambda self: self.world.live())
    @rule(data=st.data(), suspend=st.booleans())
    def somebody_suspends_a_run(self, data, suspend):
        self.world.change_run(data.draw(st.sampled_from(self.world.live())), suspend=suspend)

    @rule(variant=st.sampled_from(NAMES), no=st.sampled_from([None, *REFUSALS]))
    def the_api_server_refuses_a_run_or_not(self, variant, no):
        self.world.denied = {**self.world.denied, variant: no} if no else {}

    @rule(no=st.sampled_from([None, None, *REFUSALS]))
    def the_api_server_refuses_a_comparison_or_not(self, no):
        self.world.job_denied = no

    @rule(why=st.sampled_from(["", "0/3 nodes are available"]))
    def there_is_a_node_for_a_comparison_or_not(self, why):
        self.world.held_up = why

    @precondition(lambda self: self.world.job is not None and not self.world.job.finished)
    @rule()
    def the_comparison_runs(self):
        self.world.start_job()

    @precondition(lambda self: self.world.job is not None and not self.world.job.finished)
    @rule(
        how=st.sampled_from(["Complete", "Complete", "Failed", "late", "words", "gone"]),
        bad=st.sampled_from(BAD_WORDS),
    )
    def the_comparison_ends(self, how, bad):
        if how == "gone":
            self.world.job = None
        elif how == "late":
            self.world.end_job("Failed", reason="DeadlineExceeded")
        else:
            self.world.end_job("Failed" if how == "Failed" else "Complete", bad if how == "words" else None)

    @rule(go=st.booleans())
    def the_stop_rule_will_say(self, go):
        self.world.go = go

    @rule(seconds=st.sampled_from([1, 11, 400]))
    def time_passes(self, seconds):
        self.world.now += seconds

    # --- the user --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.world.experiment is not None)
    @rule()
    def suspend_or_resume(self):
        assert self.world.experiment is not None
        self.world.change_spec(suspend=not self.world.experiment.spec["suspend"])

    @precondition(lambda self: self.world.experiment is not None)
    @rule(parallelism=st.integers(1, 4))
    def more_or_fewer_at_a_time(self, parallelism):
        self.most = max(self.most, parallelism)
        self.world.change_spec(parallelism=parallelism)

    # --- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def not_more_at_a_time_than_it_says(self):
        if hasattr(self, "world"):
            assert len(self.world.live()) <= self.most

    @invariant()
    def nothing_begins_after_a_failure_if_it_is_to_fail_fast(self):
        if not hasattr(self, "world") or self.policy != "FailFast" or self.world.experiment is None:
            return
        entries = self.world.status.get("variants", ())
        if self.after_failure is None and any(v["phase"] == "Failed" for v in entries):
            self.after_failure = {v["name"] for v in entries if "run" in v}
        if self.after_failure is not None:
            assert {v["name"] for v in entries if "run" in v} <= self.after_failure

    @invariant()
    def an_end_is_told_once(self):
        if hasattr(self, "world"):
            for reason in ("Completed", "Failed"):
                assert sum(known == reason for known, _ in self.world.told) <= 1

    def teardown(self):
        """The faults stop: from wherever it is, the experiment comes to its end."""
        if not hasattr(self, "world") or self.world.experiment is None:
            return
        world, world.denied, world.job_denied = self.world, {}, None
        world.runs = {n: c for n, c in world.runs.items() if c.ours}
        world.change_spec(suspend=False)
        for _ in range(40):
            world.settle(400)
            if world.status["phase"] in ENDED:
                break
            for name in world.live():
                world.end_run(name)
            if world.job is not None and not world.job.finished:
                world.end_job()
        assert world.status["phase"] in ENDED, "it does not come to its end"
        phases = [v["phase"] for v in world.status["variants"]]
        assert all(p in VARIANT_ENDS for p in phases)
        assert world.status["phase"] == "Failed" if "Failed" in phases else True
        assert not world.live(), "a run goes on after the end"
        assert world.job is None or world.job.finished, "a comparison goes on after the end"


# THINKSAFE_EXAMPLES=2000 is for a night; the default takes half a minute.
Story.TestCase.settings = settings(
    max_examples=int(os.environ.get("THINKSAFE_EXAMPLES", "10")),
    stateful_step_count=30,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestStory = Story.TestCase
