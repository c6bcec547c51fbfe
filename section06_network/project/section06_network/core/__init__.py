"""The idea of section06_network in its plain case: small enough to be read whole."""
