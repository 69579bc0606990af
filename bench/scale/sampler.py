"""Memory and processor time of one process, looked at twice a second by its id."""

import threading
import time
from dataclasses import dataclass

import psutil

EVERY_SECONDS = 0.5


@dataclass(frozen=True)
class Sample:
    """Unix seconds, resident bytes, seconds of processor time since the process began."""

    at: float
    rss: int
    cpu: float


class Sampler:
    """A context manager; ends by itself when the process does."""

    def __init__(self, pid: int) -> None:
        self._process, self._stop = psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> "Sampler":
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> Sample:
        """A sample of this moment."""
        with self._process.oneshot():
            times = self._process.cpu_times()
            sample = Sample(time.time(), self._process.memory_info().rss, times.user + times.system)
        self.samples.append(sample)
        return sample

    def peak_mib(self, start: float, end: float) -> float:
        return max(s.rss for s in self.samples if start <= s.at <= end) / 2**20

    def course_mib(self, moments: int) -> list[float]:
        """Memory at so many moments, evenly from the first sample to the last."""
        last = len(self.samples) - 1
        return [self.samples[last * n // (moments - 1)].rss / 2**20 for n in range(moments)]

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self.look()
            except psutil.Error:
                return
