"""Disk that no cluster needs any more: freed when one starts, when one ends, and where it runs short.

Expensive are the unpacked images of a slot's node, 8 GB each. They are forgotten only under the slot's lock, so those
of a cluster that runs, of whatever clone, are never touched.
"""

import shutil
from collections.abc import Callable, Collection, Sequence

from cluster.places import cache, take_free_slots

WARM = 2  # slots without a cluster that keep their images, for the next clusters to start at once


def tidy() -> None:
    """Forget the images of all slots without a cluster but a few."""
    for unfinished in cache("nodes").glob("*.gone"):  # left by whoever was killed while forgetting
        shutil.rmtree(unfinished, ignore_errors=True)
    _forget(lambda free: surplus(_unpacked(), free))


def make_room(gigabytes: int) -> None:
    """Where the disk is short, forget the images of slots without a cluster, one after the other."""
    while shutil.disk_usage(cache()).free < gigabytes * 1e9:
        if not _forget(lambda free: surplus(_unpacked(), free, warm=0)[:1]):
            return


def surplus(unpacked: Collection[int], free: Collection[int], warm: int = WARM) -> list[int]:
    """Pure: of the slots with images and without a cluster those to forget, the least useful first.

    A cluster takes the first free slot, so the first ones are worth keeping.
    """
    return sorted(set(unpacked) & set(free))[warm:][::-1]


def _unpacked() -> list[int]:
    return [int(folder.name) for folder in cache("nodes").iterdir() if folder.name.isdecimal()]


def _forget(chosen: Callable[[Sequence[int]], Collection[int]]) -> bool:
    """Forget the images of the slots chosen among those without a cluster; whether there were any."""
    slots = take_free_slots(chosen)
    for slot in slots:
        images = cache("nodes") / str(slot.number)
        # Whoever dies in between leaves no node with half of its images.
        gone = images.rename(images.with_suffix(".gone"))
        shutil.rmtree(gone, ignore_errors=True)
        slot.release()
    return bool(slots)
