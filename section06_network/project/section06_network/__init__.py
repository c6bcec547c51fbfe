"""section06_network."""
