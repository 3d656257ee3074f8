"""What providers share: what one is, lists, polling, results, and pictures in answers of any shape."""
