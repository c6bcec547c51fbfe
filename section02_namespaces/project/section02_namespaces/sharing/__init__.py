"""Demonstrations of how namespaces are shared, kept and owned: each step is done by throw-away children."""
