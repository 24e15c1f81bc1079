"""Executions: runs of agents as a host's Python knows them. One execution is one run, and its id is the run's."""
