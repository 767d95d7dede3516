"""A server that lives over several cells of a notebook, or of `python -m asyncio`. Each `# %%` begins a cell.

python -m asyncio < examples/notebook.py
"""
# ruff: noqa: F704, PLE1142

# %%
import httpx
from examples.hello import app

import asgate

server = asgate.Server(app, port=0)
await server.start()
print(server.url)

# %%
client = httpx.AsyncClient()
print((await client.get(server.url)).text)
await client.aclose()

# %%
await server.stop()
