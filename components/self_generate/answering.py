"""The stage: who answers, what was answered before, and the work of the stage or of a shard of it."""

from components.core.contracts.artifacts import Artifact
from components.core.execution import Outcome, Workplace
from components.core.home import Home
from components.core.models.store import StoredModel
from components.self_generate.engine import engine_of, machine_of
from components.self_generate.generations import generations_of, in_use
from components.self_generate.settings import SelfGenerateSettings
from components.self_generate.stage import plan_of, self_generate


def answer(
    descriptions: Artifact, llm: StoredModel, settings: SelfGenerateSettings, home: Home, place: Workplace
) -> Outcome:
    """Do the work of the stage, or of the shard that the settings name.

    Raises:
        DestaError: see `plan_of` and `self_generate`.
    """
    identity, generator = engine_of(llm, settings)
    plan, root = plan_of(descriptions, settings, identity), home.root / "generations"
    with in_use(root):
        return self_generate(plan, generator, generations_of(root, identity, machine_of(generator)), place)
