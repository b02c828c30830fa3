"""A folder of photographs becomes a table: listing, reading, near duplicates, quality, metadata."""
