"""The idea of section05_images in its plain case: small enough to be read whole."""
