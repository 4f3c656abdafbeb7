"""Requests and answers as they are on the wire: which operation a request is, and how each protocol says an error."""
