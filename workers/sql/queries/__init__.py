"""What the console and its API read of a projection: plain functions of a connection."""
