"""The compiled kernel: small functions over primitive arrays that interpret a plan."""
