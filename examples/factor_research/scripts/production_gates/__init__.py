"""The gates that a factor must pass before it goes into production."""
