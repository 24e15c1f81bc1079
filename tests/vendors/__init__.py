"""Servers that stand in for the LLM platforms, over real sockets and in their wire formats.

`aimock` is a third party's mock; `server` is our own, for exact usage and for the faults that aimock cannot make.
"""
