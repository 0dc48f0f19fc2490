"""How it looks: views in, text out."""
