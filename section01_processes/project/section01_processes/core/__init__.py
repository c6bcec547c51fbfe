"""The idea of section01_processes in its plain case: small enough to be read whole."""
