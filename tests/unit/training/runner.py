"""One training run in a process of its own, as the tests of kills and of several processes start it.

    python runner.py JOB.json

The libraries are loaded once; every attempt is a forked child that may be killed. A job:
{"model", "work", "rows", "settings", "seed", "attempts": [attempt, ...]}; an attempt is {} (until its end),
{"kill_after": seconds}, {"kill_at_write": n} (SIGKILL in the midst of the n-th file of a checkpoint),
{"stop_after": n} (asked to stop at the n-th question) or {"processes": n} (with gloo). Prints a line for each.
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import torch

from thinksafe import spec
from thinksafe.training import checkpoint, trainer
from thinksafe.training.rows import TrainRow


def die_at_write(n):
    """Cut off the n-th file written from now on in its middle, then die as by a power failure."""
    count, plain = [0], checkpoint.save_file

    def cut(path):
        count[0] += 1
        if count[0] == n:
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    def save_file(tensors, path):
        plain(tensors, path)
        cut(path)

    write_text = Path.write_text

    def wrapped(self, *args, **kwargs):
        write_text(self, *args, **kwargs)
        cut(self)

    checkpoint.save_file, Path.write_text = save_file, wrapped  # pyright: ignore[reportAttributeAccessIssue]


def run(job, attempt, rank, port):
    processes = attempt.get("processes", 1)
    if processes > 1:
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes),
                          MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    if "kill_at_write" in attempt:
        die_at_write(attempt["kill_at_write"])
    work, asked = Path(job["work"]), [0]

    def should_stop():
        asked[0] += 1
        return asked[0] >= attempt.get("stop_after", 10**9)

    result = trainer.train(
        [TrainRow(**r) for r in job["rows"]], model_path=job["model"], dtype="float32",
        settings=spec.Training(**job["settings"]), seed=job["seed"], work=work, save=lambda folder: None,
        resume=checkpoint.latest(work), progress=lambda p: None, should_stop=should_stop, base_name="some/base",
    )
    if rank == 0:
        (work / "curve.json").write_text(json.dumps(result.curve))


def child(job, attempt, rank, port):
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        run(job, attempt, rank, port)
        code = 0
    except trainer.Interrupted as err:
        code = err.code
    except BaseException as err:
        print(type(err).__name__, err, file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)


def main():
    job = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(1)
    for attempt in job["attempts"]:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        pids = [child(job, attempt, rank, port) for rank in range(attempt.get("processes", 1))]
        if "kill_after" in attempt:
            time.sleep(attempt["kill_after"])
            os.kill(pids[0], signal.SIGKILL)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        steps = sorted(p.name for p in Path(job["work"]).glob("step-*"))
        print(json.dumps({"codes": codes, "steps": steps}), flush=True)


if __name__ == "__main__":
    main()
