"""The tree of a run: what it says at which moment, and that it fits the terminal."""

import pytest
from unit.plugin import samples
from unit.plugin.samples import NOW
from unit.plugin.screen import shown

from thinksafe.plugin.pace import Pace
from thinksafe.plugin.tree import spent, tree


def lines(run: dict, width: int = 120, **options) -> list[str]:
    return [line.plain for line in tree(run, NOW, width=width, **options)]


def test_a_running_stage_tells_how_far_it_is_and_how_fast() -> None:
    head, prepare, generate, *others = lines(samples.running())
    assert head == "qwen3-8b  Running, 42 min so far"
    assert prepare == "├─ ✓ prepare    12 s   40,000 rows"
    assert generate.startswith("├─ ● generate   ━━━")
    for word in ("37%", "14,800 of 40,000 rows", "25,600 tokens/s", "40 min"):
        assert word in generate
    assert others == ["├─ ○ filter", "├─ ○ train", "├─ ○ evaluate", "└─ ○ report"]


def test_the_bar_is_as_full_as_the_stage() -> None:
    (generate,) = [line for line in tree(samples.running(), NOW, width=120) if "generate" in line.plain]
    bars = [span for span in generate.spans if generate.plain[span.start] == "━"]
    drawn = {str(span.style): span.end - span.start for span in bars}
    assert drawn == {"cyan": 7, "dim": 13}  # 37% of 20


def test_a_worker_that_says_nothing_is_shown_as_silent() -> None:
    run = samples.running()
    generate = {**samples.GENERATING, "progressTime": samples.at(780)}
    run["status"]["stages"] = samples.stages(samples.PREPARED, generate)
    assert "silent for 13 min" in lines(run)[2] and "tokens/s" not in lines(run)[2]


def test_failed_cached_and_tried_again() -> None:
    text = "\n".join(lines(samples.failed()))
    assert "✗ train      OutOfMemory   14 min   attempt 3" in text
    assert "✓ generate   in the store already" in text
    assert "Failed after 41 min" in text


def test_a_run_that_nobody_looked_at_is_pending() -> None:
    assert lines(samples.run()) == ["qwen3-8b  Pending"]


def test_no_line_of_stages_is_wider_than_the_terminal() -> None:
    for run in (samples.running(), samples.waiting(), samples.failed(), samples.succeeded(), samples.tall()):
        for width in (40, 60, 80, 120, 200):
            widest = max(line.cell_len for line in tree(run, NOW, width=width)[1:])
            assert widest <= width, (width, widest)


def test_where_it_is_narrow_the_most_telling_stays() -> None:
    assert lines(samples.running(), width=40)[2] == "├─ ● generate   ━━━━━━━━━━ 37%   40 min"


def test_of_more_stages_than_lines_those_around_the_current_one() -> None:
    some, whole = lines(samples.tall(), height=10), lines(samples.tall())
    assert len(some) == 10
    assert any("● generate-5" in line for line in some)
    assert some[1] == "├─ ✓ 6 stages before" and some[-1] == "└─ ○ 7 stages to come"
    assert len(whole) - 1 == 6 + 7 + (len(some) - 3), "each stage is shown or counted"


def test_long_names_are_folded_and_not_cut() -> None:
    run = samples.run("a" * 40, phase="Running", startTime=samples.at(60))
    assert shown(tree(run, NOW, width=30)[0], width=30).replace("\n", "").count("a" * 40) == 1


def test_seconds_are_told_only_where_they_matter() -> None:
    told = [spent(seconds) for seconds in (7.2, 12, 75, 599, 2503, 11220)]
    assert told == ["7 s", "12 s", "1 min 15 s", "9 min 59 s", "42 min", "3 h 07 min"]


def test_the_time_left_is_by_the_pace_that_was_seen_and_not_since_the_start() -> None:
    """40 minutes for 14,800 rows were no guess for the rest: half of them were in the store before."""
    pace, run = Pace(), samples.running()
    assert pace.left(run, NOW) == {}
    generate = {**samples.GENERATING, "rows": 14800 + 600}
    later = {**run, "status": {**run["status"], "stages": samples.stages(samples.PREPARED, generate)}}
    assert pace.left(later, NOW + 30) == {}, "too soon to know"
    left = pace.left(later, NOW + 60)
    assert left == {"generate": (40000 - 15400) / 600 * 60}
    assert "about 41 min left" in lines(later, left=left)[2]


def test_a_probe_before_the_responses_tells_nothing_of_their_pace() -> None:
    pace, run = Pace(), samples.running()

    def seen(rows: int, total: int, at: float) -> dict:
        generate = {**samples.GENERATING, "rows": rows, "totalRows": total}
        stages = samples.stages(samples.PREPARED, generate)
        return dict(pace.left({**run, "status": {**run["status"], "stages": stages}}, at))

    seen(100, 800, NOW)
    assert seen(900, 40000, NOW + 100) == {}
    assert seen(1500, 40000, NOW + 160) == {"generate": pytest.approx((40000 - 1500) / 600 * 60)}
