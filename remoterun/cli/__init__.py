"""What one types: parse, call one step, show, exit code."""
