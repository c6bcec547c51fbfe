"""The idea of section08_oci in its plain case: small enough to be read whole."""
