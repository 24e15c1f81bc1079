"""News of runs from one process to another.

Rows are what counts: four times a second the beat writes what runs have said. This room says *when* there is something
to read: by NOTIFY, or, with REDIS_URL, by Redis streams that carry the events themselves. Both may go away at any
moment; readers then look at the rows more often.
"""
