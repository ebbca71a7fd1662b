"""What people decide about single customers, as events."""
