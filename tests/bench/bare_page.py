"""The yardstick of the slots page: Litestar, a Jinja template and one query, with as many rows and bytes.

`python -m tests.bench.bare_page DATABASE ROWS BYTES DESCRIPTOR`
"""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import uvicorn
from jinja2 import Environment
from litestar import Litestar, MediaType, Response, get

TEMPLATE = """<!doctype html>
<html lang="fr">
<head><meta charset="utf-8"><title>Rendez-vous</title></head>
<body>
<ul>
{% for row in rows %}
<li><button name="slot" value="{{ row["value"] }}">{{ row["text"] }}</button></li>
{% endfor %}
</ul>
<p>{{ filling }}</p>
</body>
</html>
"""
# Text already, so that the page has nothing to work out.
QUERY = (
    "SELECT to_char(starts_at, 'YYYY-MM-DD\"T\"HH24:MI\"Z\"') AS value, to_char(starts_at, 'HH24:MI') AS text "
    "FROM (SELECT now() + make_interval(mins => number) AS starts_at FROM generate_series(1, $1) AS number) AS slots"
)


def bare_app(database: str, rows: int, size: int) -> Litestar:
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(TEMPLATE)
    filling = ""

    @asynccontextmanager
    async def connected(app: Litestar) -> AsyncIterator[None]:
        nonlocal filling
        app.state.pool = await asyncpg.create_pool(database, min_size=10, max_size=10)
        shortest = template.render(rows=await app.state.pool.fetch(QUERY, rows), filling="")
        filling = "x" * max(0, size - len(shortest))
        try:
            yield
        finally:
            await app.state.pool.close()

    @get("/", media_type=MediaType.HTML)
    async def page() -> Response[str]:
        found = await app.state.pool.fetch(QUERY, rows)
        return Response(template.render(rows=found, filling=filling), media_type=MediaType.HTML)

    app = Litestar([page], lifespan=[connected], openapi_config=None, logging_config=None)
    return app


if __name__ == "__main__":
    listener = socket.socket(fileno=int(sys.argv[4]))
    config = uvicorn.Config(
        bare_app(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
    )
    uvicorn.Server(config).run(sockets=[listener])
