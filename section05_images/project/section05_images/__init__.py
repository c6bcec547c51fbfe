"""section05_images."""
