"""The pack language: text with positions, checks, and the checked pack."""
