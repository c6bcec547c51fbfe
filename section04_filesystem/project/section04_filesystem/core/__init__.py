"""The idea of the section: make a mount detached, dress it, attach it at a safely opened target; change the root."""
