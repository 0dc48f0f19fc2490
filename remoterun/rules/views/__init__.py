"""Models in, one plain view each out."""
