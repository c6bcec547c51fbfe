"""What people look at: the tree, its other forms, and the live views. Slow path."""
