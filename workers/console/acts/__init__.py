"""What people decide in the console: said first in words and numbers, then written as events."""
