"""What app and server both say: msgspec structs, units and names. Imports nothing but msgspec and the standard library."""
