"""What the ASGI text says, as types and tables. Imports nothing else of asgate."""
