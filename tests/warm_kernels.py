"""Compile the kernels that several test files need, each once and on every core, before test processes share them."""

from gristmill.console import Console
from gristmill.filters.registry import FAMILIES
from gristmill.pipelines.dedup.near.warm import KERNELS
from gristmill.pipelines.engine.warm import kernels_of, warm_kernels
from gristmill.pipelines.shards.write import WARM
from gristmill.pipelines.sources.readers.extract import WARM as EXTRACTION
from gristmill.schemas.recipe.rules import ORIGINAL

if __name__ == "__main__":
    families = kernels_of([(name, ORIGINAL) for name in FAMILIES], ["clean", "c4_lines_dolma"])
    longest = [EXTRACTION, WARM]  # first: what comes last is compiled while another core waits
    others = [*families, *KERNELS, "gristmill.pipelines.decontamination.stage:warm_contamination"]
    warm_kernels([*longest, *others], Console())
