"""section09_init."""
