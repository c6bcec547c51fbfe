"""The idea of section02_namespaces in its plain case: small enough to be read whole."""
