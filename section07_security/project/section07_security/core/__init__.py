"""The idea of section07_security in its plain case: small enough to be read whole."""
