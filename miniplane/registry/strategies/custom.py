"""Custom resources: the same for all of them, by what their definition says."""

from collections.abc import Sequence

from miniplane.api import errors, validation
from miniplane.api.customresources import checks
from miniplane.api.customresources.definition import CustomResource
from miniplane.api.field import FieldError
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.registry.context import Context
from miniplane.registry.strategy import Strategy, restore

_KEPT_BY_STATUS = ("managedFields", "resourceVersion")


class CustomResourceStrategy(Strategy):
    """apiextensions-apiserver's `pkg/registry/customresource`."""

    generation = True
    unconditional_update = False

    def __init__(self, resource: Resource):
        assert isinstance(resource, CustomResource)
        super().__init__(resource)
        self.custom = resource.custom

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        if self.custom.ending:
            why = "create not allowed while custom resource definition is terminating"
            raise errors.forbidden(self.resource, obj["metadata"].get("name", ""), why)
        if self.has_status:
            obj.pop("status", None)

    def prepare_for_status(self, obj: Obj, old: Obj, context: Context) -> None:
        """Everything but the status stays as it was, the metadata too."""
        for key in dict.fromkeys([*obj, *old]):
            if key not in ("metadata", "status"):
                restore(obj, old, key)
        metadata = obj["metadata"]
        obj["metadata"] = {
            **{k: v for k, v in old["metadata"].items() if k not in _KEPT_BY_STATUS},
            **{k: metadata[k] for k in _KEPT_BY_STATUS if k in metadata},
        }

    def spec_changed(self, obj: Obj, old: Obj) -> bool:
        """Everything but the metadata counts."""
        ours = {k: v for k, v in obj.items() if k != "metadata"}
        return ours != {k: v for k, v in old.items() if k != "metadata"}

    def validate(self, obj: Obj) -> list[FieldError]:
        return validation.create(self.resource, obj) + self.custom.validate(obj)

    def validate_update(
        self, obj: Obj, old: Obj, subresource: str, warnings: list[str]
    ) -> list[FieldError]:
        problems = validation.update(self.resource, obj, old, subresource=subresource)
        return problems + self.custom.validate_update(obj, old, subresource, warnings)

    def warnings_on_create(self, obj: Obj) -> Sequence[str]:
        return checks.finalizer_warnings(obj, None)

    def warnings_on_update(self, obj: Obj, old: Obj) -> Sequence[str]:
        return checks.finalizer_warnings(obj, old)
