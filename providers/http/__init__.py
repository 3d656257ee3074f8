"""HTTP: the way to an API and back, whoever it is."""
