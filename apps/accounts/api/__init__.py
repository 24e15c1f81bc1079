"""Signing in, teams and API keys over REST."""
