"""nginx, the yardstick: a constant answer from memory, a file by sendfile, an upload thrown away.

It answers what the applications answer, without any application: close to what the kernel allows. Its
configuration is generated per start, so that it needs nothing of the system's and leaves nothing behind.
"""

from __future__ import annotations

from pathlib import Path

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {scratch}/nginx.pid;
error_log stderr warn;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    keepalive_timeout 75;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    client_body_temp_path {scratch}/body;
    proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi;
    uwsgi_temp_path {scratch}/uwsgi;
    scgi_temp_path {scratch}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ default_type text/plain; return 200 "Hello, World!"; }}
        location = /file {{ default_type application/octet-stream; alias {file}; }}
    }}
}}
"""


def nginx_command(nginx: Path, scratch: Path, port: int, file: Path, connections: int) -> list[str]:
    """Writes the configuration into `scratch`; the command line that runs it in the foreground."""
    settings = {"scratch": scratch, "port": port, "file": file}
    text = CONFIGURATION.format(connections=connections, files=connections + 64, **settings)
    path = scratch / "nginx.conf"
    path.write_text(text)
    # As root, nginx gives its worker to another user, who must be able to reach the file.
    for directory in (scratch, file.parent):
        directory.chmod(0o755)
    return [str(nginx), "-p", str(scratch), "-e", "stderr", "-c", str(path)]
