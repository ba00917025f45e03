"""The content of a page: the values of its template, by name."""

Content = dict[str, object]
