"""GSM8K's test set: 1,319 word problems."""

import re

from thinksafe.benchmarks import paper, strict
from thinksafe.benchmarks.base import Benchmark, Problem, Score
from thinksafe.benchmarks.rows import numbered
from thinksafe.benchmarks.scores import both
from thinksafe.prompts.tables import Row
from thinksafe.prompts.text import short_hash

# To the letter as in the paper's harness.
TEMPLATE = (
    "Given the following problem, reason and give a final answer to the problem.\nProblem: {question}\n"
    'Your response should end with "The final answer is [answer]" where [answer] is the response to the problem.'
)

_GOLD = re.compile(r"#### (-?[0-9.,]+)")


def read(rows: list[Row]) -> list[Problem]:
    """The gold answer stands after ####; its thousands commas are removed."""
    problems = []
    for cells in numbered(rows, "gsm8k"):
        question, gold = cells.text("question"), _GOLD.search(cells.text("answer"))
        if not gold:
            raise cells.fail("column 'answer' has no number after ####")
        prompt = TEMPLATE.format(question=question)
        problems.append(Problem(short_hash(question), prompt, gold=gold[1].replace(",", "").strip()))
    return problems


def score(problem: Problem, text: str) -> Score:
    """Strict and as in the paper."""
    return both(strict.mathematics(problem, text), paper.gsm8k(problem, text))


BENCHMARKS = (
    Benchmark(
        name="gsm8k",
        kind="accuracy",
        source="hf://openai/gsm8k/main",
        revision=None,
        split="test",
        licence="MIT",
        unit="% of answers right",
        read=read,
        metrics=(strict.METRIC, paper.METRIC),
        scorer=score,
        rows=1319,
        can_hang=True,
    ),
)
