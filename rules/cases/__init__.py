"""Cases: what a pack promises, as a text table that CRM people can read and write (see README.md)."""
