"""The idea of section04_filesystem in its plain case: small enough to be read whole."""
