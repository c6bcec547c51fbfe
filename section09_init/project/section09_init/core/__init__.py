"""The idea of section 9 in its plain case: PID 1. Small enough to be read whole."""
