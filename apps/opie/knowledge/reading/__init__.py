"""From a file on disk to sections of text that know where they stand.

Nothing in here imports Django or Agno: it also runs as a program of its own (`__main__`), which has to start fast and
to know no secrets. Only `reader` belongs to the process that wants the text; the formats are read in the other one.
"""
