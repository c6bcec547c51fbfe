"""Paths of /proc and /sys that a container does not get to see, or not to write: Docker's default.

What belongs here: the two lists. What does not: mounting over them (section 4). Source: moby,
daemon/pkg/oci/defaults.go; each entry there has a vulnerability behind it (side channels, kernel memory, keys).
"""

from __future__ import annotations

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
