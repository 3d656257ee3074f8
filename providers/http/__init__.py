"""The HTTP client that all providers share."""
