"""`tierline demo`: a broker, a worker and a year of events on this machine, shown while they run."""
