"""What we keep on this machine: the only reads and writes of local files."""
