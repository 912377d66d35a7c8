"""Search, conductor, plan, changes and audit."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {
    (
        "tune_space/schedule/arm_search.py",
        "",
        "MAX_REPEATS_ENDLESS = 10_000",
        "MAX_REPEATS_ENDLESS = (10001)",
    ): "a sampler that has only repeated itself so often does it once more",
    (
        "tune_space/commands/audit_lists.py",
        "_repeat_problems",
        "ordered_VK = np.sort(items_VK, axis=1)",
        "ordered_VK = (np.sort(items_VK))",
    ): "the last dimension is the default, and the second is the last",
    (
        "tune_space/commands/audit_lists.py",
        "_repeat_problems",
        "is_twice_V = ((np.diff(ordered_VK, axis=1) == 0) & (ordered_VK[:, 1:] > 0)).any(axis=1)",
        "is_twice_V = (((np.diff(ordered_VK)) == 0) & (ordered_VK[:, 1:] > 0)).any(axis=1)",
    ): "the last dimension is the default, and the second is the last",
    (
        "tune_space/schedule/arm_search.py",
        "ArmSearch._new_study",
        'return optuna.create_study( direction="maximize", '
        "pruner=_PRUNERS[self._scheduler](), storage=None )",
        "return (optuna.create_study(direction='maximize', pruner=_PRUNERS[self._scheduler]()) )",
    ): "no storage is the default",
    (
        "tune_space/commands/audit.py",
        "_worst_rank",
        "return int(result.ranks[~result.is_forced_miss_U].max(initial=0))",
        "return int(result.ranks[~result.is_forced_miss_U].max(initial=(1)))",
    ): "ranks count from 1, and no data set is without items",
    (
        "tune_space/schedule/arm_plan.py",
        "ArmTrials",
        'identity: str = field(default="", repr=False, compare=False)',
        "identity: str = (field(default='', compare=False))",
    ): "how a plan is shown to a developer",
    (
        "tune_space/schedule/arm_plan.py",
        "ArmPlan",
        'identity: str = field(default="", repr=False, compare=False)',
        "identity: str = (field(default='', compare=False))",
    ): "how a plan is shown to a developer",
    (
        "tune_space/schedule/arm_plan.py",
        "ArmTrials",
        'identity: str = field(default="", repr=False, compare=False)',
        'identity: str = field(default="", repr=(True), compare=False)',
    ): "how a plan is shown to a developer",
    (
        "tune_space/schedule/arm_plan.py",
        "ArmPlan",
        'identity: str = field(default="", repr=False, compare=False)',
        'identity: str = field(default="", repr=(True), compare=False)',
    ): "how a plan is shown to a developer",
}
