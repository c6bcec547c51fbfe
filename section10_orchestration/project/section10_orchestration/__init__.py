"""section10_orchestration."""
