"""Guided demonstrations: what signals and states do, with the kernel as witness. Slow path."""
