"""Prices, usage and cost: what every call to a model consumed, exactly, or that it is not known."""
