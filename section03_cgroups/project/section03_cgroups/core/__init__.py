"""The idea of section03_cgroups in its plain case: small enough to be read whole."""
