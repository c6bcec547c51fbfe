"""The idea of orchestration in its first, plain case: desired services, and an order to start them in."""
