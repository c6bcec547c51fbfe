"""The idea of section10_orchestration in its plain case: small enough to be read whole."""
