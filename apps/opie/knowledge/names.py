"""The names of knowledge's jobs, for whoever defers them: the tasks themselves are in apps/opie/tasks.py."""

INGEST = "opie.ingest"
REEMBED = "opie.reembed"
REWORD = "opie.reword"
SYNC_SOURCE = "opie.sync_source"
COUNT_WORDS = "opie.count_words"
