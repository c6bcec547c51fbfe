"""section03_cgroups."""
