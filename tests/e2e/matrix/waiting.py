"""wait."""

from collections.abc import Callable, Sequence
from typing import Any

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form
from tests.e2e.matrix.scene import Outcome, Scene

_C = given.config_map("c", a="1")


def _meanwhile(begun: str, do: Callable[[Scene], object]) -> Any:
    """Runs the command, and does something once it has begun to wait."""

    def run(scene: Scene, words: Sequence[str]) -> Outcome:
        return scene.follow([*words, "-v=6"], begun=begun, do=lambda _: do(scene))

    return run


FORMS = (
    Form(
        line="wait --for=condition=Ready pod/a",
        given=[given.pod("a")],
        prints="pod/a condition met",
    ),
    Form(
        line="wait --for=condition=Available=True deployment --all --timeout=30s",
        given=[given.deployment()],
        prints="deployment.apps/web condition met",
    ),
    Form(
        line="wait --for=jsonpath='{.status.phase}'=Running pod -l app=a",
        given=[given.pod("a")],
        prints="pod/a condition met",
    ),
    Form(
        line="wait --for=jsonpath='{.data.a}' configmap/c",
        given=[_C],
        prints="configmap/c condition met",
        since=31,
    ),
    Form(
        line="wait --for=delete configmap/c",
        given=[_C],
        run=_meanwhile("watch=true", lambda scene: scene.delete("configmaps/c")),
        prints="configmap/c condition met",
        complains=None,
    ),
    Form(line="wait --for=delete configmap/none", prints=""),
    Form(
        line="wait --for=create configmap/c",
        run=_meanwhile("/configmaps", lambda scene: scene.create(_C)),
        prints="configmap/c condition met",
        complains=None,
        since=31,
    ),
    Form(
        line="wait --for=condition=Ready pod/none",
        prints="",
        complains='Error from server (NotFound): pods "none" not found',
        exits=1,
    ),
    Form(
        line="wait --for=delete configmap/c --timeout=100ms",
        given=[_C],
        prints="",
        complains="… error: timed out waiting for the condition on configmaps/c",
        exits=1,
    ),
    Form(
        line="wait --for=condition=Ready -f a.yaml",
        given=[given.pod("a")],
        files={"a.yaml": given.pod("a")},
        prints="pod/a condition met",
    ),
)
