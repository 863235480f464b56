"""What a station says, said to another central system too; what that one asks of it, weighed."""
