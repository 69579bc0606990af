"""What is freed of the cache, and that nothing is which somebody uses. Folders of the tests' own; no cluster."""

import os
import shutil
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from cluster import images, places, registry, room


@pytest.mark.parametrize(
    ("unpacked", "free", "forgotten"),
    [
        ([], [0, 1, 2], []),
        ([0, 1], [0, 1, 2, 3], []),
        ([0, 1, 2, 3], [0, 1, 2, 3], [3, 2]),
        ([0, 1, 2, 3], [2, 3], []),  # two run: two are left for the next ones
        ([0, 1, 2, 3, 4, 5], [1, 3, 5], [5]),
        ([0, 1, 2], [], []),
        ([7, 11, 9], [11, 9, 7], [11]),
    ],
)
def test_of_the_free_slots_the_first_stay(unpacked: list[int], free: list[int], forgotten: list[int]) -> None:
    assert room.surplus(unpacked, free, warm=2) == forgotten


@pytest.mark.parametrize(
    ("ages", "in_use", "stay"),
    [
        ({}, [], []),
        ({"a": 9000, "b": 5000, "c": 7000}, [], ["b", "c"]),
        ({"a": 9000, "b": 5000, "c": 7000}, ["a"], ["b", "c", "a"]),
        ({"a": 10, "b": 20, "c": 30, "d": 4000}, [], ["a", "b", "c"]),
        ({"a": 9000}, ["of another kind"], ["a"]),
    ],
)
def test_of_the_images_the_latest_and_those_in_use_stay(
    ages: dict[str, float], in_use: Collection[str], stay: list[str]
) -> None:
    assert images.worth_keeping(ages, in_use) == stay


class Machine(NamedTuple):
    """A cache and a temporary folder as a machine has them, with unpacked images in some slots."""

    cache: Path
    temporary: Path

    def unpacked(self) -> list[str]:
        return sorted(f.name for f in (self.cache / "thinksafe" / "nodes").iterdir() if f.is_dir())


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path / "cache", tmp_path / "tmp")
    made.temporary.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(made.cache))
    monkeypatch.setattr(tempfile, "tempdir", str(made.temporary))
    for number in range(5):
        (places.cache("nodes", str(number)) / "snapshot").write_text("6 GB")
    return made


def test_the_images_of_a_running_cluster_are_not_touched(machine: Machine) -> None:
    places.take_slot().release()
    held = [places.take_slot() for _ in range(2)]
    room.tidy()
    assert machine.unpacked() == ["0", "1", "2", "3"]  # two that run, two for the next ones
    assert (machine.cache / "thinksafe/nodes/0/snapshot").exists()
    for slot in held:
        slot.release()
    room.tidy()
    assert machine.unpacked() == ["0", "1"]


def test_nor_when_that_cluster_has_another_temporary_folder(machine: Machine, tmp_path, monkeypatch) -> None:
    held = places.take_slot()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    room.tidy()
    assert machine.unpacked() == ["0", "1", "2"]
    assert places.take_slot().number == 1
    held.release()


def test_two_caches_of_one_machine_share_its_slots(machine: Machine, tmp_path, monkeypatch) -> None:
    held = places.take_slot()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert places.take_slot().number == 1
    held.release()


def test_what_is_left_of_a_killed_tidying_goes_too(machine: Machine) -> None:
    (places.cache("nodes", "9.gone") / "snapshot").touch()
    room.tidy()
    assert machine.unpacked() == ["0", "1"]


def test_a_short_disk_takes_the_last_free_slot_first_and_no_more_than_needed(machine: Machine, monkeypatch) -> None:
    held = places.take_slot()

    def usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=10e9 * (6 - len(machine.unpacked())))

    monkeypatch.setattr(shutil, "disk_usage", usage)
    room.make_room(20)
    assert machine.unpacked() == ["0", "1", "2", "3"]
    room.make_room(100)
    assert machine.unpacked() == ["0"]
    held.release()


def test_slots_that_were_looked_at_are_free_again(machine: Machine) -> None:
    room.tidy()
    taken = [places.take_slot() for _ in range(places.SLOTS)]
    assert [slot.number for slot in taken] == list(range(places.SLOTS))
    with pytest.raises(RuntimeError, match="make cluster-down"):
        places.take_slot()
    for slot in taken:
        slot.release()


def test_the_images_of_a_running_cluster_stay_in_the_registry(machine: Machine) -> None:
    for tag, age in (("new", 4000), ("old", 5000), ("older", 6000), ("oldest", 7000)):
        link = images._tag(f"thinksafe/worker:{tag}")
        link.parent.mkdir(parents=True)
        link.touch()
        os.utime(link, (time.time() - age,) * 2)
    slot = places.take_slot()
    slot.folder.mkdir()
    (slot.folder / "images").write_text(f"{registry.NAME}/thinksafe/worker:older")
    assert images.kept(images.WORKER) == ["new", "old", "older"]
    slot.release()


def test_whoever_builds_an_image_is_not_disturbed(machine: Machine, monkeypatch) -> None:
    pruned: list[images.Image] = []
    monkeypatch.setattr(images, "_prune", pruned.append)
    with places.locked(places.cache("images") / "lock"):
        images.tidy()
    assert pruned == []
    images.tidy()
    assert pruned == [images.WORKER, images.OPERATOR]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([12], []),
        ([13, 9], ["rmi --prune"]),
        ([40, 25], ["rmi --prune"]),
        ([40, 26], ["rmi --prune", "rm --all", "rmi --all --force"]),
    ],
)
def test_buildah_forgets_the_least_that_is_enough(monkeypatch, sizes: list[int], said: list[str]) -> None:
    commands: list[str] = []
    left = iter(sizes)
    monkeypatch.setattr(images, "_storage_gigabytes", lambda: next(left))
    monkeypatch.setattr(images, "buildah", lambda *args, check=True: commands.append(" ".join(args)))
    images._make_room()
    assert commands == said
