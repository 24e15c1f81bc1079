"""One file per kind of platform; each builds the vendor's model class of Agno."""
