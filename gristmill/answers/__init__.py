"""Verifiable answers: is the answer of a completion right, as far as a program can tell?

A checker is data in a row, such as `{"kind": "number"}`; `registry.checker` makes it one that can be called, `batch.check_many`
checks many rows in worker processes, and `self_test.self_test` asks whether a row's own reference answer passes.

Curation and training share this floor, so it imports neither of them, no torch and no engine.
"""
