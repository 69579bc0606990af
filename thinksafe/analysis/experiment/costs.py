"""What the variants cost, and how much of it they share."""

from collections.abc import Sequence

from thinksafe.analysis.experiment.given import Given, Made


def costs(variants: Sequence[Given]) -> dict[str, dict]:
    """By variant `{alone, own}`: all that it is made from, and what none before it in the experiment is made from.

    It is told from digests, so it is the same whether a stage was done by this experiment or long before it. A stage
    is a variant's own if it makes at least one artifact that no earlier variant has.
    """
    seen, found = set[str](), dict[str, dict]()
    for variant in variants:
        own = [made for made in variant.artifacts if made.digest not in seen]
        found[variant.name] = {"alone": _work(variant.artifacts), "own": _work(own)}
        seen |= {made.digest for made in own}
    return found


def _work(made: Sequence[Made]) -> dict:
    return {
        "seconds": sum(m.seconds for m in made),
        "gpu_seconds": sum(m.gpu_seconds for m in made),
        "tokens": sum(m.tokens for m in made),
        "stages": len({m.stage for m in made}),
        "artifacts": len({m.digest for m in made}),
    }
