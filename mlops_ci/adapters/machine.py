"""What this machine has for stages to share: CPUs, memory, GPUs, as far as this process may use them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from mlops_ci.pipeline import Capacity

_ROOT = Path("/")
# What a control group of version 1 calls memory without a limit is a number near 2^63.
_NO_LIMIT = 1 << 62


def capacity(
    jobs: float | None = None, *, root: Path = _ROOT, environ: Mapping[str, str] = os.environ
) -> Capacity:
    """What there is; ``jobs`` is said to be the number of CPUs, where it is given.

    A container or a CI runner often may use less than the hardware has: affinity and control groups count.
    GPUs are those of CUDA_VISIBLE_DEVICES, else those whose devices are there. ``root`` is where /proc,
    /sys and /dev lie.
    """
    groups = _Groups(root)
    return Capacity(cpu=jobs or _cpus(groups), memory=_memory(groups, root), gpus=_gpus(root, environ))


class _Groups:
    """The control groups that hold this process, of version 2 or 1, with all groups above them."""

    def __init__(self, root: Path) -> None:
        self._base = root / "sys/fs/cgroup"
        lines = _text(root / "proc/self/cgroup").splitlines()
        parts = [line.split(":", 2) for line in lines if line.count(":") >= 2]
        self._paths = {name: path for _, names, path in parts for name in names.split(",")}

    def files(self, controller: str, name: str) -> Iterator[str]:
        """The texts of a controller's file in every group; an empty controller: version 2."""
        if controller not in self._paths:
            return
        # In a container the path may be the host's, which is not to be seen: then its groups are at the top.
        path = PurePosixPath("/", self._paths[controller])
        for group in (path, *path.parents):
            folder = self._base / controller / str(group).lstrip("/")
            if (text := _text(folder / name)) != "":
                yield text

    def quotas(self) -> Iterator[float]:
        """How many CPUs' time the process gets."""
        for text in self.files("", "cpu.max"):
            found = re.fullmatch(r"([0-9]+) ([0-9]+)", text)
            if found and int(found[2]):
                yield int(found[1]) / int(found[2])
        periods = self.files("cpu", "cpu.cfs_period_us")
        for quota, period in zip(self.files("cpu", "cpu.cfs_quota_us"), periods, strict=False):
            if quota.isdecimal() and period.isdecimal() and int(period):
                yield int(quota) / int(period)

    def memories(self) -> Iterator[int]:
        """How much memory the process may take."""
        texts = (*self.files("", "memory.max"), *self.files("memory", "memory.limit_in_bytes"))
        yield from (int(text) for text in texts if text.isdecimal() and int(text) < _NO_LIMIT)


def _cpus(groups: _Groups) -> float:
    # macOS has no affinity.
    known = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([float(known), *groups.quotas()])


def _memory(groups: _Groups, root: Path) -> int:
    """Bytes; 0 where that is not to be known."""
    found = re.search(r"^MemTotal: +([0-9]+) kB$", _text(root / "proc/meminfo"), re.MULTILINE)
    total = int(found[1]) * 1024 if found else _physical()
    return min([*groups.memories(), total] if total else [*groups.memories()], default=0)


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _gpus(root: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    told = environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return tuple(_visible(told))
    devices = [path for path in (root / "dev").glob("nvidia*") if path.name[6:].isdecimal()]
    # The devices' files are made when they are first used, the driver knows them before.
    count = len(devices) or len(list((root / "proc/driver/nvidia/gpus").glob("*")))
    return tuple(str(index) for index in range(count))


def _visible(told: str) -> Iterator[str]:
    """The GPUs that CUDA sees: up to the first that is none; one named twice is one."""
    seen: set[str] = set()
    for name in map(str.strip, told.split(",")):
        if not re.fullmatch(r"[0-9]+|(?:GPU|MIG)-[A-Za-z0-9/-]+", name):
            return
        if name not in seen:
            seen.add(name)
            yield name


def _text(path: Path) -> str:
    """A small file of the kernel's; empty where it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
