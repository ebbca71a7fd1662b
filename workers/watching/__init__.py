"""Following what is published: which of it is shown, in words, and whether all of it came."""
