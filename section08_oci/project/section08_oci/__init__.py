"""section08_oci."""
