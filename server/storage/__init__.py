"""The only SQL. Functions a noun, core structs out."""
