"""Work: the queue, drawing, circuit breakers and the fallback chain."""
