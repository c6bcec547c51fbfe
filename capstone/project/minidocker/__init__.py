"""MiniDocker: the capstone, a container engine built on ten sections."""

VERSION = "0.1.0"
