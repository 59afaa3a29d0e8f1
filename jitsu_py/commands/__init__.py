"""The command groups, one module each: parse, call, show."""
