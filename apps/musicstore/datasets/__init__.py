"""Where the store's rows come from: Chinook's own file, or the sample that ships. `load` writes either."""
