"""minidocker."""
