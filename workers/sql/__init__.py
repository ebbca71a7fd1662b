"""The database that people and programs read: its tables, how it is opened, and what is asked of it."""
