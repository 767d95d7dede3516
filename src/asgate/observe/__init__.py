"""What an operator sees: messages (`logs`), access lines (`access`), what the reactor reports (`reports`)."""
