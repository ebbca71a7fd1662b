"""Dead letters of a running service: reading them, and sending their records once more."""
