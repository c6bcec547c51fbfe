"""section07_security."""
