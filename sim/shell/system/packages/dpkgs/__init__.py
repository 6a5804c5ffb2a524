"""dpkg and dpkg-query, and what apt has dpkg do."""
