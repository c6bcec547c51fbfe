"""Paths of /proc and /sys that a container does not get to see, or not to write: Docker's default.

What belongs here: the two lists. What does not: mounting over them (section 4). Source: moby,
daemon/pkg/oci/defaults.go; each entry there has a vulnerability behind it (side channels, kernel memory, keys).
"""

from __future__ import annotations

import os

MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def masked_paths(cpu_folder: str = "/sys/devices/system/cpu") -> list[str]:
    """Return MASKED_PATHS and what this machine has besides: each CPU's thermal counters (GHSA-6fw5-f8r9-fgfm)."""
    try:
        names = sorted(os.listdir(cpu_folder))
    except OSError:
        names = []
    cpus = (name for name in names if name.startswith("cpu") and name[3:].isdigit())
    counters = (f"{cpu_folder}/{cpu}/thermal_throttle" for cpu in cpus)
    return [*MASKED_PATHS, *(path for path in counters if os.path.isdir(path))]
