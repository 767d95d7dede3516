"""`asgate check`: drives an application without a server and tells which clauses it breaks."""
