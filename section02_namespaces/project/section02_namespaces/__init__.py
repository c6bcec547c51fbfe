"""section02_namespaces."""
