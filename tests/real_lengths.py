"""Lengths of real documents: the files that this Python installation holds."""

import os
import sysconfig

import numpy as np


def real_lengths() -> np.ndarray:
    """Sizes of the source and documentation files of this Python installation, a token for four bytes."""
    sizes = []
    for name in ("stdlib", "purelib"):
        for folder, _, files in os.walk(sysconfig.get_paths()[name]):
            sizes += [
                os.path.getsize(os.path.join(folder, file))
                for file in files
                if file.endswith((".py", ".md", ".txt", ".rst", ".html", "METADATA"))
            ]
    return np.array([size // 4 for size in sizes if size >= 4], np.int64)
