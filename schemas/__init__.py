"""Contracts: what may cross a boundary. Imports nothing of the project."""
