"""Raises while it is imported."""

import json

app = json.loads("{broken")
