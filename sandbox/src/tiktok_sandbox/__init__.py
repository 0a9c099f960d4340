"""A stateful stand-in for TikTok, with a ledger of what was truly posted.

It imports nothing of Postbus. A client library and a sandbox that shared code would share mistakes, and no test
would find them.

The rooms import each other in one direction, from the bottom up (checked by import-linter):

1. `errors`: what the sandbox itself cannot do.
2. `runtime`: clock, timers, tables, connections, the media folder. Knows nothing of TikTok.
3. `faults`: rules that make calls fail on purpose.
4. `model`: the state of the stand-in and the functions that change it. No sockets, no clock.
5. `app_context`: the running application: state, clock, breakpoints, the list of calls.
6. `api`: TikTok's HTTP API, downloads and webhooks.
7. `admin` and `pages`: the admin API and the web pages. They do not import each other.
8. `app`, `server`, `__main__`: all routes, the listening server, the command line.
"""
