"""courseware."""
