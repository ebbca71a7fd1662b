"""The pure part: pack language, intake and engine. No files, clock, environment, randomness or threads."""
