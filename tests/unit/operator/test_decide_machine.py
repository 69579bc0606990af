"""decide against a small cluster in which everything goes wrong that can, in any order.

What must hold is checked at every write (small_cluster.py) and after every step (here). At the end of every story the
faults stop, and the run must come to its end.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from unit.operator.small_cluster import DONE, ENDED, FAILED, PASSED, Cluster, Operator

from thinksafe_operator.names import job_name
from thinksafe_operator.state import Progress

CODES = (1, 64, 65, 69, 75, 77, 78, 126, 137, 139, 143)
AGES = st.integers(0, 8)
HELD = st.sampled_from([(), (), ("generate", "filter"), ("train", "report", "no-such-stage")])
MALFORMED = ({"passed": "true"}, {"passed": True, "failed": ["a rule"]}, {}, {"failed": []})


class Story(RuleBasedStateMachine):
    """One run, sometimes deleted and made again, on a cluster that does what it wants."""

    @initialize(
        queue=st.booleans(),
        rungs=st.integers(0, 1),
        retries=st.integers(0, 3),
        suspend=st.booleans(),
        limits=st.sampled_from([{}, {}, {"activeDeadlineSeconds": 5000}, {"ttlSecondsAfterFinished": 60}]),
        patience=st.sampled_from([None, None, 3000]),
        gate=st.sampled_from([PASSED, PASSED, FAILED, *MALFORMED]),
    )
    def begin(self, queue, rungs, retries, suspend, limits, patience, gate):
        workers = {"retries": retries, **({"pendingDeadlineSeconds": patience} if patience else {})}
        fields = {"workers": workers, "suspend": suspend, **limits, **({"queueName": "gpus"} if queue else {})}
        if rungs:
            fields["steering"] = {"ladder": [{"template": "risk"}]}
        self.cluster = Cluster(fields, gate=gate)
        self.operator = Operator(self.cluster)

    # --- the operator ----------------------------------------------------------------------------------------------

    @rule()
    def a_pass(self):
        self.operator.reconcile()

    @rule()
    def passes_until_all_is_quiet(self):
        for _ in range(6):
            before = self.cluster.state()
            self.operator.reconcile()
            if self.cluster.state() == before:
                return
        raise AssertionError("a world in which nothing happens is written to again and again")

    @rule(stop=st.integers(1, 5), done=st.booleans())
    def a_pass_that_stops_halfway(self, stop, done):
        self.operator.reconcile(stop=stop, done=done)

    @rule(run=AGES, jobs=AGES, stop=st.integers(1, 9), done=st.booleans())
    def a_pass_over_an_old_reading(self, run, jobs, stop, done):
        self.operator.reconcile(run, jobs, stop=stop, done=done)

    @rule(at=st.integers(0, 4), jobs=AGES)
    def two_operators_at_once(self, at, jobs):
        looked = self.operator.look(0, jobs)
        if looked is None:
            return
        for number, step in enumerate(self.operator.steps(*looked)):
            if number == at:
                self.operator.reconcile()
            try:
                step()
            except Exception as error:
                if type(error).__name__ != "Conflict":
                    raise
                return

    # --- the cluster -----------------------------------------------------------------------------------------------

    def job(self, data, *, alive=True):
        """One of the run's Jobs, if there is one."""
        jobs = self.cluster.live() if alive else [j for j in self.cluster.jobs.values() if j.ours]
        return data.draw(st.sampled_from(jobs)) if jobs else None

    @precondition(lambda self: self.cluster.live())
    @rule(data=st.data())
    def a_pod_runs(self, data):
        job = self.job(data)
        if not job.suspended:
            self.cluster.start_pod(job)

    @precondition(lambda self: self.cluster.live())
    @rule(data=st.data(), held=HELD)
    def a_job_completes(self, data, held):
        job = self.job(data)
        if not job.suspended:
            self.cluster.succeed(job, held=held)

    @rule(stages=st.integers(1, 6), held=HELD)
    def all_goes_well_for_a_while(self, stages, held):
        for _ in range(stages):
            self.passes_until_all_is_quiet()
            for job in self.cluster.live():
                self.cluster.change_job(job, suspended=False)
                self.cluster.succeed(self.cluster.jobs[job.name], held=held)

    @precondition(lambda self: self.cluster.live())
    @rule(data=st.data())
    def a_job_completes_without_words(self, data):
        job = self.job(data)
        if not job.suspended:
            self.cluster.succeed(job, words=False)

    @precondition(lambda self: self.cluster.live())
    @rule(data=st.data(), code=st.sampled_from(CODES), last=st.booleans())
    def a_pod_ends_badly(self, data, code, last):
        job = self.job(data)
        if not job.suspended:
            self.cluster.end_pod(job, code)
            if last or code in (64, 77, 78):
                self.cluster.end_job(job, "Failed")

    @precondition(lambda self: "queueName" in self.cluster.fields and self.cluster.live())
    @rule(data=st.data())
    def kueue_admits_or_evicts(self, data):
        job = self.job(data)
        self.cluster.change_job(job, suspended=not job.suspended, active=0, ready=0)

    @precondition(lambda self: any(j.ours for j in self.cluster.jobs.values()))
    @rule(data=st.data(), slowly=st.booleans())
    def somebody_deletes_a_job(self, data, slowly):
        job = self.job(data, alive=False)
        self.cluster.delete_job(job.name, job.uid, slowly=slowly)

    @precondition(lambda self: any(j.deleting for j in self.cluster.jobs.values()))
    @rule()
    def what_is_being_deleted_goes(self):
        for job in list(self.cluster.jobs.values()):
            if job.deleting:
                self.cluster.delete_job(job.name, job.uid, slowly=False)

    @precondition(lambda self: self.cluster.run is not None)
    @rule(stage=st.sampled_from(["prepare", "generate", "filter", "train"]), attempt=st.integers(1, 3))
    def somebody_takes_a_name(self, stage, attempt):
        self.cluster.foreign_job(job_name("r", self.cluster.run.uid, stage, attempt))

    @rule()
    def quota_fills_or_empties(self):
        self.cluster.quota = not self.cluster.quota

    @rule(seconds=st.sampled_from([1, 11, 400, 2000, 20_000]))
    def time_passes(self, seconds):
        self.cluster.now += seconds

    @rule(seconds=st.sampled_from([5, 3600, 10_000_000]), forward=st.booleans())
    def the_clock_jumps(self, seconds, forward):
        self.cluster.now += seconds if forward else -seconds

    @rule(rows=st.integers(0, 100), behind=st.sampled_from([0, 5000, -5000]))
    def the_workers_tell_how_far_they_are(self, rows, behind):
        told = Progress("responses-1", rows, 100, 1, rows * 10, 1.0, 1.0, self.cluster.now - behind)
        self.operator.progress = told

    @rule(gate=st.sampled_from([PASSED, FAILED, *MALFORMED]))
    def the_report_will_say(self, gate):
        self.cluster.gate = gate

    # --- the user --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.cluster.run is not None)
    @rule()
    def suspend_or_resume(self):
        self.cluster.change_spec(suspend=not self.cluster.run.spec["suspend"])

    @precondition(lambda self: self.cluster.run is not None)
    @rule(again=st.booleans())
    def the_run_is_deleted(self, again):
        self.cluster.delete_run()
        if again:
            self.cluster.create_run()

    @precondition(lambda self: self.cluster.run is None)
    @rule()
    def the_run_is_made_again(self):
        self.cluster.create_run()

    # --- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def one_job_at_a_time(self):
        if self.cluster.run is not None:
            assert len(self.cluster.live(self.cluster.run.uid)) <= 1

    @invariant()
    def an_end_is_told_once(self):
        for reason in ("Completed", "GatePassed", "GateFailed", "Failed"):
            told = [uid for uid, r in self.cluster.told if r == reason]
            assert len(told) == len(set(told)), f"{reason} was told twice"

    @invariant()
    def failures_are_bounded(self):
        status = self.cluster.run.status if self.cluster.run else {}
        for stage in status.get("stages", ()):
            assert stage["failures"] <= self.cluster.fields["workers"]["retries"] + 1
            assert stage.get("disruptions", 0) <= 3

    def teardown(self):
        """The faults stop: from wherever it is, the run comes to its end."""
        if not hasattr(self, "cluster") or self.cluster.run is None:
            return
        cluster = self.cluster
        cluster.quota, cluster.gate = True, cluster.gate if cluster.gate in (PASSED, FAILED) else PASSED
        cluster.jobs = {n: j for n, j in cluster.jobs.items() if j.ours}
        cluster.change_spec(suspend=False, ttlSecondsAfterFinished=None)
        uid, stages = cluster.run.uid, 10
        for _ in range(stages * 12):
            self.operator.reconcile()
            if cluster.run.status["phase"] in ENDED:
                break
            cluster.now += 301
            self.what_is_being_deleted_goes()
            for job in cluster.live(uid):
                cluster.change_job(job, suspended=False)
                cluster.succeed(cluster.jobs[job.name])
        assert cluster.run.status["phase"] in ENDED, "it does not come to its end"
        done = [s["state"] in DONE for s in cluster.run.status["stages"]]
        assert all(done) == (cluster.run.status["phase"] != "Failed")
        self.passes_until_all_is_quiet()
        assert not cluster.live(uid), "a Job goes on after the end"


# THINKSAFE_EXAMPLES=5000 is for a night; the default takes half a minute on one core.
Story.TestCase.settings = settings(
    max_examples=int(os.environ.get("THINKSAFE_EXAMPLES", "150")),
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestStory = Story.TestCase
