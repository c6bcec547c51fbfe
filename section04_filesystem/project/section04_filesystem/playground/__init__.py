"""The propagation of mounts, measured beside what the kernel's document says: a throw-away mount namespace per run."""
