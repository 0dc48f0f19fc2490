"""What follows: pure functions, model in, model out."""
