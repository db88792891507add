"""All tables by name, for the documentation and tests. Stages import only the tables that they use."""

from samgap.tables.images import IMAGES
from samgap.tables.matching import INSTANCES, OVERLAPS, PAIRS
from samgap.tables.parquet import Table
from samgap.tables.predictions import MASKS, TIMING
from samgap.tables.prompts import PROMPTS
from samgap.tables.score_thresholds import THRESHOLDS
from samgap.tables.statistics import COMPARISONS, CONFUSIONS, ESTIMATES, RANK_CORRELATIONS
from samgap.tables.training import HISTORY

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        IMAGES,
        PROMPTS,
        MASKS,
        TIMING,
        OVERLAPS,
        INSTANCES,
        PAIRS,
        ESTIMATES,
        COMPARISONS,
        RANK_CORRELATIONS,
        CONFUSIONS,
        THRESHOLDS,
        HISTORY,
    )
}
