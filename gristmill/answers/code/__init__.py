"""Code against its tests: the code runs in one sandbox, the tests in another, and only plain values pass between them.

`messages`, `values`, `candidate` and `tester` are copied into the sandboxes, so they import the standard library and each other
only.
"""
