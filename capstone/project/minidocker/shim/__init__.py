"""The shim: one small program per container that is its parent, its log writer and its door (design.md §5)."""
