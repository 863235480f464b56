"""What app and server both say: msgspec structs, units, names. Imports only msgspec and the standard library."""
