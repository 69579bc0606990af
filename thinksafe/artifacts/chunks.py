"""Pure: which rows make a chunk, and in which order a worker takes the chunks."""


def chunk_ranges(rows: int, chunk_rows: int) -> list[range]:
    """The row numbers of every chunk: all but the last have `chunk_rows` rows; none for no rows."""
    if rows < 0 or chunk_rows < 1:
        raise ValueError(f"cannot cut {rows} rows into chunks of {chunk_rows}")
    return [range(start, min(start + chunk_rows, rows)) for start in range(0, rows, chunk_rows)]


def order(worker: int, workers: int, chunks: int) -> list[int]:
    """All chunks, each once, in the order in which worker `worker` (from 0) of `workers` looks at them.

    First its own: worker, worker + workers, ... Then the others', to help with what is not committed yet. Every
    worker starts helping at another place, and goes backwards: an owner starts at the front of its list, so the
    back is what it would reach last.
    """
    if not 0 <= worker < workers:
        raise ValueError(f"there is no worker {worker} of {workers}")
    own = list(range(worker, chunks, workers))
    others = [i for i in reversed(range(chunks)) if i % workers != worker]
    start = len(others) * worker // workers
    return own + others[start:] + others[:start]
