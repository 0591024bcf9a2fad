"""What a check gets to see while it measures one model."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from mlops_ci.collect.models import Sources
from mlops_ci.collect.project import Project
from mlops_ci.config import Data, Model
from mlops_ci.evidence import ModelEvidence


@dataclass(frozen=True)
class Context:
    """One changed model: the project, its settings, both sides, and what is measured of it so far."""

    project: Project
    model: Model
    sources: Sources
    found: ModelEvidence

    def options(self, gate: str) -> BaseModel:
        """A gate's options by the base branch's rules: they say what to measure, too."""
        return self.project.policy.gate_options(gate, self.model.name)

    def ruled_data(self) -> Data:
        """The tables as the base branch names them; empty where it does not know the model."""
        base = self.sources.base
        return self.project.ruled_data(self.model, self.sources.head.graph, base.graph if base else None)
