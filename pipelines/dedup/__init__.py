"""Duplicate edges and survivors as DataFrame operations."""
