"""What the e2e tests share: server processes, a strict raw client, crowds of clients, looks into /proc."""
