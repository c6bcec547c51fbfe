"""section04_filesystem."""
