"""File replay: event files in, change history out."""
