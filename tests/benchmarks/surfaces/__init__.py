"""How quickly the console's questions are answered over many customers."""
