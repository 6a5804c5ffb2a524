"""The words of a scenario file, as pydantic models. Nothing is coerced; unknown keys are errors.

The words are fixed (docs/authoring.md lists them with an example each); what they mean together is checked in `rules`.
"""

from sim.lab.scenario.model.file import (
    Metadata,
    Mistake,
    Scenario,
    Spec,
    Task,
    filled,
    json_schema,
    seeded,
)
from sim.lab.scenario.model.goals import (
    AnswerGoal,
    EtcdGoal,
    Expect,
    FileGoal,
    FromLine,
    Goal,
    PackageGoal,
    Pattern,
    SnapshotGoal,
    UnitGoal,
    Within,
)
from sim.lab.scenario.model.steps import (
    Step,
    Steps,
    TimelineFault,
)
from sim.lab.scenario.model.words import (
    ETCD_VERSION,
    VERSION,
    Duration,
    Model,
    Text,
    in_language,
)
from sim.lab.scenario.model.world import (
    Cluster,
    ExternalEtcd,
    ExternalMember,
    HostSpec,
    ImageSpec,
    Node,
    Param,
    TerminalSpec,
    Versions,
)

__all__ = ["ETCD_VERSION", "VERSION", "AnswerGoal", "Cluster", "Duration", "EtcdGoal", "Expect", "ExternalEtcd", "ExternalMember", "FileGoal", "FromLine", "Goal", "HostSpec", "ImageSpec", "Metadata", "Mistake", "Model", "Node", "PackageGoal", "Param", "Pattern", "Scenario", "SnapshotGoal", "Spec", "Step", "Steps", "Task", "TerminalSpec", "Text", "TimelineFault", "UnitGoal", "Versions", "Within", "filled", "in_language", "json_schema", "seeded"]
