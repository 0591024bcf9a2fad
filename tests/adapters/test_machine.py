"""What this machine has, as the kernel's files tell it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mlops_ci.adapters.machine import capacity

MEMINFO = "MemTotal:        8048836 kB\nMemFree:         123 kB\n"
Tree = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A root with the given files."""

    def build(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return build


@pytest.fixture(autouse=True)
def sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may use sixteen CPUs."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)), raising=False)


def test_this_machine_has_a_cpu_and_some_memory() -> None:
    found = capacity()
    assert 0 < found.cpu <= 16
    assert found.memory > 100_000_000


def test_jobs_are_the_cpus_where_they_are_given(tree: Tree) -> None:
    found = capacity(3, root=tree({"proc/meminfo": MEMINFO}), environ={})
    assert (found.cpu, found.memory, found.gpus) == (3, 8048836 * 1024, ())


@pytest.mark.parametrize(
    ("files", "cpus", "memory"),
    [
        ({}, 16, 8048836 * 1024),
        ({"sys/fs/cgroup/cpu.max": "max 100000\n", "sys/fs/cgroup/memory.max": "max\n"}, 16, 8048836 * 1024),
        ({"sys/fs/cgroup/cpu.max": "150000 100000\n", "sys/fs/cgroup/memory.max": "1048576"}, 1.5, 1048576),
        ({"sys/fs/cgroup/a/b/cpu.max": "max 100000", "sys/fs/cgroup/a/cpu.max": "20 10"}, 2, 8048836 * 1024),
        ({"sys/fs/cgroup/a/cpu.max": "40 10", "sys/fs/cgroup/a/b/cpu.max": "30 10"}, 3, 8048836 * 1024),
        ({"sys/fs/cgroup/a/b/memory.max": "2000", "sys/fs/cgroup/a/memory.max": "1000"}, 16, 1000),
        ({"sys/fs/cgroup/cpu.max": "5 0", "sys/fs/cgroup/memory.max": "lots"}, 16, 8048836 * 1024),
        ({"sys/fs/cgroup/memory.max": "99999999999999"}, 16, 8048836 * 1024),
    ],
)
def test_a_control_group_of_version_2(tree: Tree, files: Mapping[str, str], cpus: float, memory: int) -> None:
    root = tree({"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/a/b\n", **files})
    found = capacity(root=root, environ={})
    assert (found.cpu, found.memory) == (cpus, memory)


GROUPS_1 = "9:memory:/docker/f00\n4:cpu,cpuacct:/docker/f00\n1:name=systemd:/docker/f00\nnonsense\n"


@pytest.mark.parametrize(
    ("folder", "quota", "limit", "cpus", "memory"),
    [
        ("docker/f00", "250000", "500000000", 2.5, 500_000_000),
        (".", "250000", "500000000", 2.5, 500_000_000),
        ("docker/f00", "-1", "9223372036854771712", 16, 8048836 * 1024),
    ],
    ids=["host", "container", "no limit"],
)
def test_a_control_group_of_version_1(
    tree: Tree, folder: str, quota: str, limit: str, cpus: float, memory: int
) -> None:
    base = "sys/fs/cgroup"
    root = tree(
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": GROUPS_1,
            f"{base}/cpu/{folder}/cpu.cfs_quota_us": quota,
            f"{base}/cpu/{folder}/cpu.cfs_period_us": "100000\n",
            f"{base}/memory/{folder}/memory.limit_in_bytes": limit,
        }
    )
    found = capacity(root=root, environ={})
    assert (found.cpu, found.memory) == (cpus, memory)


def test_a_machine_without_affinity_and_meminfo(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__)
    found = capacity(root=tree({}), environ={})
    assert (found.cpu, found.memory, found.gpus) == (12, 4_096_000, ())


def test_memory_that_is_not_to_be_known_is_not_counted(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> int:
        raise ValueError(f"unrecognized configuration name: {name}")

    monkeypatch.setattr(os, "sysconf", unknown)
    assert capacity(root=tree({}), environ={}).memory == 0
    group = {"proc/self/cgroup": "0::/", "sys/fs/cgroup/memory.max": "77"}
    assert capacity(root=tree(group), environ={}).memory == 77


@pytest.mark.parametrize(
    ("told", "gpus"),
    [
        ("", ()),
        ("-1", ()),
        ("NoDevFiles", ()),
        ("0", ("0",)),
        ("2, 0", ("2", "0")),
        ("1,-1,0", ("1",)),
        ("0,0,1", ("0", "1")),
        ("GPU-8932f937-d72c,MIG-GPU-1/2/3", ("GPU-8932f937-d72c", "MIG-GPU-1/2/3")),
    ],
)
def test_cuda_says_which_gpus_there_are(tree: Tree, told: str, gpus: tuple[str, ...]) -> None:
    root = tree({"dev/nvidia0": "", "dev/nvidia1": "", "dev/nvidia2": "", "dev/nvidia3": ""})
    assert capacity(root=root, environ={"CUDA_VISIBLE_DEVICES": told}).gpus == gpus


def test_gpus_are_counted_by_their_devices_else_by_what_the_driver_knows(tree: Tree) -> None:
    known = {f"proc/driver/nvidia/gpus/0000:0{index}:00.0/information": "" for index in (1, 2, 3)}
    assert capacity(root=tree(known), environ={}).gpus == ("0", "1", "2")
    # A container with one of them: whatever its file is called, CUDA counts from 0.
    root = tree({"dev/nvidia2": "", "dev/nvidiactl": "", "dev/nvidia-uvm": ""})
    assert capacity(root=root, environ={}).gpus == ("0",)
