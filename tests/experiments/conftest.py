"""The experiments by name. Every test here is of real runs: vLLM, training, minutes."""

from collections.abc import Callable

import pytest

from experiments import world


@pytest.fixture(scope="session")
def experiment() -> Callable[[str], world.Ran]:
    """`experiment("steering")` is the finished examples/experiments/steering.yaml; the first to ask for it runs it."""
    done: dict[str, world.Ran] = {}

    def ran(name: str) -> world.Ran:
        if name not in done:
            done[name] = world.run(name)
        return done[name]

    return ran
