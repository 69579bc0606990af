"""Removal of prompts that stand there twice, that contradict each other, or that a benchmark asks too.

Near duplicates are found by MinHash (Broder, 1997) with locality-sensitive hashing and confirmed by their true
Jaccard similarity, so none is removed by a collision of hashes. The work is linear in the rows as long as few
rows are alike.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from thinksafe.prompts.formats import Prompt
from thinksafe.prompts.text import normalise

if TYPE_CHECKING:
    from datasketch import MinHash

PERMUTATIONS = 128
# How much a missed pair weighs against a needless comparison when the bands are chosen: a miss stays in the data.
WEIGHTS = (0.1, 0.9)

Shingles = npt.NDArray[np.uint32]


def deduplicate(prompts: Sequence[Prompt], *, near: float | None) -> tuple[list[Prompt], dict[str, int]]:
    """Keep the first of each set of equal prompts, in the given order; returns them and the removed by reason.

    `exact`: the same normalised text. `label-conflict`: that text stands there as harmful and as benign; then all
    of it goes, for nobody knows which is right. `near`: a Jaccard similarity of word 3-grams of at least `near`
    with a kept prompt of the same label. Near-twins of different labels stay: they are what teaches the border.
    """
    removed, labels, texts = Counter[str](), dict[str, set[str]](), [normalise(p.text) for p in prompts]
    for p, text in zip(prompts, texts, strict=True):
        labels.setdefault(text, set()).add(p.label)
    kept, seen, alike = list[Prompt](), set[str](), {label: _index(near) for label in ("harmful", "benign")}
    for p, text in zip(prompts, texts, strict=True):
        index = alike[p.label]
        if len(labels[text]) > 1:
            removed["label-conflict"] += 1
        elif text in seen:
            removed["exact"] += 1
        elif index and not index.add_unless_like(text):
            removed["near"] += 1
        else:
            kept.append(p)
        seen.add(text)
    return kept, dict(removed)


def decontaminate(
    prompts: Sequence[Prompt], evaluation_texts: Iterable[str], *, near: float | None
) -> tuple[list[Prompt], dict[str, int]]:
    """Take out the prompts that also stand in an evaluation set.

    `evaluation-exact`: the same normalised text. `evaluation-contained`: all of the prompt, word by word, is part of
    an evaluation text, as a bare question is of one with instructions around it. `evaluation-near`: see `deduplicate`.
    """
    index, removed, kept = _index(near), Counter[str](), list[Prompt]()
    texts = [normalise(p.text) for p in prompts]
    exact = dict.fromkeys(map(normalise, evaluation_texts))
    inside = contained(set(texts), exact)
    if index:
        for text in exact:
            index.add(text)
    for p, text in zip(prompts, texts, strict=True):
        if text in exact:
            removed["evaluation-exact"] += 1
        elif text in inside:
            removed["evaluation-contained"] += 1
        elif index and index.has_like(text):
            removed["evaluation-near"] += 1
        else:
            kept.append(p)
    return kept, dict(removed)


def contained(texts: Iterable[str], wholes: Iterable[str]) -> set[str]:
    """Those of the normalised texts, of three words or more, that stand in one of the wholes as a run of words."""
    starting = dict[tuple[str, ...], list[tuple[list[str], str]]]()
    for text in texts:
        words = text.split()
        if len(words) >= 3:
            starting.setdefault(tuple(words[:3]), []).append((words, text))
    found = set[str]()
    for whole in wholes:
        words = whole.split()
        for place in range(len(words) - 2):
            for part, text in starting.get(tuple(words[place : place + 3]), ()):
                if words[place : place + len(part)] == part:
                    found.add(text)
    return found


def shingles(text: str) -> Shingles:
    """The word 3-grams of a normalised text as sorted distinct hashes; a text of fewer words is one shingle."""
    words = text.split()
    grams = (" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2)))
    return np.unique(np.fromiter((zlib.crc32(gram.encode()) for gram in grams), dtype=np.uint32))


def jaccard(a: Shingles, b: Shingles) -> float:
    """Size of the intersection over the size of the union, of two sets that are not empty."""
    common = np.intersect1d(a, b, assume_unique=True).size
    return common / (a.size + b.size - common)


@cache
def bands(threshold: float) -> tuple[int, int]:
    """Bands, and rows in each, that fit the threshold. datasketch integrates numerically for them, once."""
    from datasketch import (
        MinHashLSH,  # imported where near duplicates are looked for: with SciPy it takes half a second
    )

    lsh = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS, weights=WEIGHTS)
    return lsh.b, lsh.r


class NearIndex:
    """Texts, and the question whether one like this is among them."""

    def __init__(self, threshold: float) -> None:
        from datasketch import MinHashLSH

        self.threshold = threshold
        self.lsh = MinHashLSH(num_perm=PERMUTATIONS, params=bands(threshold))
        self.sets = list[Shingles]()

    def add(self, text: str) -> None:
        self._add(*_entry(text))

    def has_like(self, text: str) -> bool:
        return self._has_like(*_entry(text))

    def add_unless_like(self, text: str) -> bool:
        """Whether the text was unlike all others and is now one of them."""
        entry = _entry(text)
        if self._has_like(*entry):
            return False
        self._add(*entry)
        return True

    def _add(self, own: Shingles, signature: "MinHash") -> None:
        self.lsh.insert(len(self.sets), signature, check_duplication=False)
        self.sets.append(own)

    def _has_like(self, own: Shingles, signature: "MinHash") -> bool:
        keys = cast(list[int], self.lsh.query(signature))
        return any(jaccard(own, self.sets[key]) >= self.threshold for key in keys)


def _entry(text: str) -> tuple[Shingles, "MinHash"]:
    from datasketch import MinHash

    own = shingles(text)
    signature = MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=int)
    signature.update_batch(own)
    return own, signature


def _index(near: float | None) -> NearIndex | None:
    return None if near is None else NearIndex(near)
