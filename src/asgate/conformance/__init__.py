"""The conformance kit: judges servers (`asgate conform`) and applications (`asgate check`)."""
