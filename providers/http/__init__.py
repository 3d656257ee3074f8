"""HTTP client code that all providers share."""
