"""Measurements of speed and memory; what each means stands in README.md beside this file."""
