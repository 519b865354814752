"""Bacalhau's HTTP API over a running cluster.

app         the routes, put together          serve       a listening port to a running server
backend     what the API needs of a cluster   middleware  what holds for every request
call        one request                       answers     one answer
operation   what a route does and says        document    all of that, in OpenAPI
connection  one client, with limits           pages       web pages, and what they may
query       the address, as Go reads it       parameters  what may stand in it, and its meaning
rate        how often a client may ask        errors      errors to answers
jobs, nodes, agent, auth, logs, legacy, own: the groups of routes
"""

from __future__ import annotations

from devstack.http_api.app import create_app
from devstack.http_api.backend import Backend
from devstack.http_api.serve import listen, serve

__all__ = ["Backend", "create_app", "listen", "serve"]
