"""Kinds that extend the API server itself, flow control, and certificates."""

from collections.abc import Sequence

from miniplane.api.customresources import definitions
from miniplane.api.objects import Obj
from miniplane.api.options import User
from miniplane.registry import conditions as times
from miniplane.registry import watching
from miniplane.registry.context import Context
from miniplane.registry.strategy import Finish, Strategy, restore


class CustomResourceDefinitionStrategy(Strategy):
    generation = True
    unconditional_update = False

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        versions = obj["spec"].get("versions") or ()
        stored = [v.get("name", "") for v in versions if v.get("storage")][:1]
        obj["status"] = {
            "conditions": None,
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": stored[:1],
        }

    def prepare_for_update(self, obj: Obj, old: Obj, context: Context) -> None:
        super().prepare_for_update(obj, old, context)
        status = dict(obj.get("status") or {})
        versions = list(status.get("storedVersions") or ())
        for version in obj["spec"].get("versions") or ():
            if version.get("storage") and version["name"] not in versions:
                versions.append(version["name"])
        status["storedVersions"] = versions
        obj["status"] = status

    def begin_update(self, obj: Obj, old: Obj, context: Context) -> Finish:
        def finish(written: bool) -> None:
            if written and obj["spec"] != old["spec"]:
                watching.end_watches(context, old["metadata"]["name"])

        return finish

    def after_delete(self, obj: Obj, context: Context) -> None:
        watching.end_watches(context, obj["metadata"]["name"])

    def first_delete(self, obj: Obj, context: Context) -> Obj | None:
        """Mark as Terminating; the instances have to go first."""
        metadata = obj["metadata"]
        finalizers = list(metadata.get("finalizers") or ())
        if definitions.FINALIZER not in finalizers:
            finalizers.append(definitions.FINALIZER)
        now = context.clock.rfc3339()
        pending = {
            "type": "Terminating",
            "status": "True",
            "lastTransitionTime": now,
            "reason": "InstanceDeletionPending",
            "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will "
            "begin soon",
        }
        return {
            **obj,
            "metadata": {**metadata, "deletionTimestamp": now, "finalizers": finalizers},
            "status": definitions.with_condition(obj.get("status") or {}, pending),
        }

    def warnings_on_create(self, obj: Obj) -> Sequence[str]:
        return definitions.unknown_formats(obj)

    def warnings_on_update(self, obj: Obj, old: Obj) -> Sequence[str]:
        known = definitions.unknown_formats(old)
        return [text for text in definitions.unknown_formats(obj) if text not in known]


class Admission(Strategy):
    """What extends admission: whoever writes next has to look at it."""

    generation = True
    unconditional_update = False

    def begin_create(self, obj: Obj, context: Context) -> Finish:
        return lambda written: context.extensions.changed()

    def begin_update(self, obj: Obj, old: Obj, context: Context) -> Finish:
        return lambda written: context.extensions.changed()

    def after_delete(self, obj: Obj, context: Context) -> None:
        context.extensions.changed()


class Webhooks(Admission):
    def spec_changed(self, obj: Obj, old: Obj) -> bool:
        return obj.get("webhooks") != old.get("webhooks")


class Policies(Admission):
    pass


class FlowControl(Strategy):
    generation = True


class CertificateSigningRequestStrategy(Strategy):
    """The request's author is the server's to say, and the request never changes."""

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        obj["status"] = {}

    def note_author(self, obj: Obj, user: User) -> None:
        spec = obj["spec"]
        for key in ("username", "uid", "groups", "extra"):
            spec.pop(key, None)
        spec["username"] = user.name
        if user.uid:
            spec["uid"] = user.uid
        if user.groups:
            spec["groups"] = list(user.groups)
        if user.extra:
            spec["extra"] = {key: list(values) for key, values in user.extra}

    def prepare_for_update(self, obj: Obj, old: Obj, context: Context) -> None:
        restore(obj, old, "spec")
        restore(obj, old, "status")

    def prepare_for_status(self, obj: Obj, old: Obj, context: Context) -> None:
        restore(obj, old, "spec")
        status = dict(obj.get("status") or {})
        conditions = list(status.get("conditions") or ())
        before = (old.get("status") or {}).get("conditions") or ()
        for kind in ("Approved", "Denied"):
            kept = [c for c in before if c.get("type") == kind]
            places = [i for i, c in enumerate(conditions) if c.get("type") == kind]
            # One more or one less is for validation to refuse.
            if len(kept) == len(places):
                for place, condition in zip(places, kept, strict=True):
                    conditions[place] = condition
        if conditions:
            status["conditions"] = times.with_times(conditions, old, context)
        obj["status"] = status


class Conditional(Strategy):
    unconditional_update = False


class RuntimeClassStrategy(Strategy):
    create_on_update = True
    unconditional_update = False


STRATEGIES: dict[tuple[str, str], type[Strategy]] = {
    ("apiextensions.k8s.io", "CustomResourceDefinition"): CustomResourceDefinitionStrategy,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): Webhooks,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): Webhooks,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): Policies,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): Policies,
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): Policies,
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): Policies,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): FlowControl,
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): FlowControl,
    ("certificates.k8s.io", "CertificateSigningRequest"): CertificateSigningRequestStrategy,
    ("apiregistration.k8s.io", "APIService"): Conditional,
    ("node.k8s.io", "RuntimeClass"): RuntimeClassStrategy,
}
