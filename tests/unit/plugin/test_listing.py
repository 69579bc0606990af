"""The list of runs."""

from unit.plugin import samples
from unit.plugin.samples import NOW
from unit.plugin.screen import shown

from thinksafe.plugin.listing import listing, short


def rows(*found: dict, width: int = 120, everywhere: bool = False) -> list[list[str]]:
    return [line.split() for line in shown(listing(found, NOW, everywhere=everywhere), width=width).splitlines()]


def test_those_that_go_on_come_first_and_the_latest_of_them() -> None:
    old, new, done = samples.run("old", phase="Running"), samples.run("new", phase="Queued"), samples.succeeded("done")
    new["metadata"]["creationTimestamp"], done["metadata"]["creationTimestamp"] = samples.at(60), samples.at(5)
    assert [row[0] for row in rows(done, old, new)] == ["NAME", "new", "old", "done"]


def test_a_row_says_what_there_is_to_say() -> None:
    head, row = rows(samples.running(), everywhere=True)
    assert head == ["NAMESPACE", "NAME", "PHASE", "STAGE", "PROGRESS", "GATE", "AGE"]
    assert row == ["alignment", "qwen3-8b", "Running", "generate", "37%", "Pending", "60m"]


def test_who_waits_for_a_person_is_shown_with_the_reason() -> None:
    stuck = samples.run("stuck", phase="Queued", conditions=samples.ready("ImagePullFailed", stalled=True))
    assert "(ImagePullFailed)" in rows(stuck)[1]
    assert "(Unschedulable)" not in rows(samples.waiting())[1], "that heals by itself"


def test_ages_as_kubectl_shows_them() -> None:
    assert [short(s) for s in (0, 119, 120, 10000, 90000, 200000)] == ["0s", "119s", "2m", "166m", "25h", "2d"]
