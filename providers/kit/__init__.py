"""What providers share beside HTTP: base class, settings, lists of models, polling, pictures in responses."""
