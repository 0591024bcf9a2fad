"""The pipeline as data (pure): the graph, what must run and why, what runs at once, and where."""

from mlops_ci.pipeline.fanning import Fan, Machine, Part, fan
from mlops_ci.pipeline.graph import (
    SEEDS,
    Artifact,
    Dep,
    Graph,
    Out,
    PlotSpec,
    Stage,
    downstream,
    is_tracked,
    order,
    producer_of,
    seed_groups,
    serial_order,
    upstream,
    waves,
)
from mlops_ci.pipeline.planning import Action, Known, Plan, Step, check, leaves, plan
from mlops_ci.pipeline.resources import Capacity, Execution, Resources
from mlops_ci.pipeline.scheduling import Schedule

__all__ = [
    "SEEDS",
    "Action",
    "Artifact",
    "Capacity",
    "Dep",
    "Execution",
    "Fan",
    "Graph",
    "Known",
    "Machine",
    "Out",
    "Part",
    "Plan",
    "PlotSpec",
    "Resources",
    "Schedule",
    "Stage",
    "Step",
    "check",
    "downstream",
    "fan",
    "is_tracked",
    "leaves",
    "order",
    "plan",
    "producer_of",
    "seed_groups",
    "serial_order",
    "upstream",
    "waves",
]
