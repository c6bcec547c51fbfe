"""The idea of section09_init in its plain case: small enough to be read whole."""
