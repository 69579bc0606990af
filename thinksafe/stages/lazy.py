"""An engine that is loaded when its first request comes: a stage whose chunks are all there loads nothing."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from thinksafe.engines.base import Completion, Engine, LabelRequest, LabelScore, Request


class LazyEngine:
    """Opens the engine at the first request, and not at all if there is none."""

    def __init__(self, opener: Callable[[], Engine]) -> None:
        self._opener, self._engine = opener, None

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = self._opener()
        return self._engine

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """See engines.base.Engine."""
        first = next(rest := iter(requests), None)
        if first is not None:
            yield from self._opened().generate(itertools.chain([first], rest))

    def score_labels(self, requests: Iterable[LabelRequest]) -> Iterator[LabelScore]:
        """See engines.base.Engine."""
        first = next(rest := iter(requests), None)
        if first is not None:
            yield from self._opened().score_labels(itertools.chain([first], rest))

    def close(self) -> None:
        """Close the engine if one was opened."""
        if self._engine is not None:
            self._engine.close()


@contextmanager
def lazily(opener: Callable[[], Engine]) -> Iterator[LazyEngine]:
    """An engine for the length of a `with` block."""
    engine = LazyEngine(opener)
    try:
        yield engine
    finally:
        engine.close()
