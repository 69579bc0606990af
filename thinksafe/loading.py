"""Loading heavy libraries: with a small model it is most of what a step takes."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Import without looking for garbage, since there is none: a fifth of vLLM's 10 s goes into that.

    What there is afterwards stays for good, so it is never looked through again, either. One may be within another.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if before:
            gc.enable()
