"""One file a section of the page: what the section shows, made from the report."""
