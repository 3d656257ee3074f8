"""Sentences for people: the only room where what is known becomes English."""
