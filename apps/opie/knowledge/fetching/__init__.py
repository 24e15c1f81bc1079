"""Reading web pages and sitemaps for knowledge bases, from the public internet and nowhere else."""
