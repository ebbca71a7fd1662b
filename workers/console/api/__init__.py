"""The API: what the pages show and do, as JSON for programs."""
