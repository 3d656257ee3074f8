"""Holds the requests that Easel sends against types and schemas that the makers of the APIs have published.

`record.py` runs in the environment of the tests, and writes down what every provider and built-in model sends to the
replay servers. `judge.py` runs in an environment of its own, with the makers' own packages, and names every field that
they do not know. `make conformance` does both.
"""
