"""The live service, measured from outside: whole workers beside the peers, on a real broker."""
