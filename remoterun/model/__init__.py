"""What is: frozen pydantic models and enums."""
