"""Measures documents: kernels, models and transforms over Arrow buffers; nothing here decides or runs a job."""
