"""The embedding model that runs here: all-MiniLM-L6-v2 in NumPy, without a network and without a key."""
