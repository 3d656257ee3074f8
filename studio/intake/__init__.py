"""Taking a request in: what is planned, admitted, promised and kept before anybody draws."""
