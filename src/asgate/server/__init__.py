"""The server wing: from a target and settings to a process that serves, and back down again."""
