"""Sentences for members, made from typed errors, notes and numbers; translations would be added here."""
