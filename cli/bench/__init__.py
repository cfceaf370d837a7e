"""`asksight bench`: asks a server in closed or open loops, and reports what its callers saw.

What is decided is pure: when asks are due (`schedule`), what they ask (`choices`, `new_photos`), what counts
(`tally`, `figures`), how it looks (`table`, `picture`). Sockets, clocks and processes are in `asker`, `loops`, `pacer`,
`sweep`, `processor` and `own_server`. The verb is `command`.
"""
