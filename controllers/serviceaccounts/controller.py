"""Keeps `default` and `kube-root-ca.crt` in every namespace.

After `pkg/controller/serviceaccount/serviceaccounts_controller.go` and
`pkg/controller/certificates/rootcacertpublisher`. Either is made again when it is deleted, and the
certificate is put right when it is changed.
"""

from miniplane.api import errors, resources
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.runtime.controller import Controller, Result

ROOT_CA = "kube-root-ca.crt"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters."
)
CA_BUNDLE = """\
-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUYnG2sUDn3cWhkFWDD18OUHblTH8wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAeFw0yNjExMjIxMzM3MDFaFw00NjExMTcx
MzM3MDFaMBUxEzARBgNVBAMMCmt1YmVybmV0ZXMwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAR6c8bOxqFkJqw1trajHwZuyeY64WDbsspYLctjTmZ89MXSlJnC75Hf
Eb7f8bO1yP0qT2bBqIrHJIxIjyOkwMQuo1MwUTAdBgNVHQ4EFgQUmHNKc9V4cUNe
TOoSm4lKAj49jmYwHwYDVR0jBBgwFoAUmHNKc9V4cUNeTOoSm4lKAj49jmYwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiABNT/ZG8X83USzcOBhQta3
WvD9Lwrjpv2PM/+Wzb/DHwIhAPStvx47NfRc7DAtmNpdM+2fleKnPLG7sgj/DZmi
HaEe
-----END CERTIFICATE-----
"""
"""A certificate authority that has signed nothing. It stands in for that of a cluster that speaks
plain HTTP until somebody has a certificate signed: most clusters never need one of their own."""


class PerNamespace(Controller):
    """One object of a fixed name in each namespace that is not on its way out."""

    resource: Resource
    object_name: str

    def setup(self) -> None:
        self.namespaces = self.informer(resources.NAMESPACES)
        self.objects = self.informer(self.resource)
        self.namespaces.on_change(self._namespace_changed)
        self.objects.on_change(self._changed)

    def _namespace_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        metadata = (new or old or {})["metadata"]
        if metadata["name"] == self.object_name and old is not None:
            self.queue.add(metadata["namespace"])

    def wanted(self, present: Obj | None) -> Obj | None:
        """The object as it should be, or None if `present` will do."""
        raise AssertionError("subclasses say what they keep")

    async def reconcile(self, key: str) -> Result | None:
        namespace = self.namespaces.get("", key)
        if namespace is None or namespace.get("status", {}).get("phase") == "Terminating":
            return None
        present = self.objects.get(key, self.object_name)
        obj = self.wanted(present)
        if obj is None:
            return None
        try:
            if present is None:
                await self.client.create(self.resource, obj, namespace=key)
            else:
                await self.client.update(self.resource, obj)
        except errors.StatusError as error:
            # The namespace may have gone meanwhile, or our copy may be a moment old.
            late = errors.is_already_exists(error) or errors.is_not_found(error)
            if not late and not errors.is_namespace_terminating(error):
                raise
        return None


class ServiceAccountController(PerNamespace):
    name = "serviceaccount-controller"
    resource = resources.SERVICE_ACCOUNTS
    object_name = "default"

    def wanted(self, present: Obj | None) -> Obj | None:
        return None if present else {"metadata": {"name": self.object_name}}


class RootCAPublisher(PerNamespace):
    name = "root-ca-certificate-publisher-controller"
    resource = resources.CONFIGMAPS
    object_name = ROOT_CA

    def setup(self) -> None:
        super().setup()
        if self.config.https:
            self._bundle = self.ctx.authority.certificate
        else:
            self._bundle = CA_BUNDLE
            self.ctx.authority.on_made(self._authority_made)

    def _authority_made(self) -> None:
        self._bundle = self.ctx.authority.certificate
        for namespace in self.namespaces.list():
            self.queue.add(namespace["metadata"]["name"])

    def wanted(self, present: Obj | None) -> Obj | None:
        data = {"ca.crt": self._bundle}
        if present is None:
            annotations = {"kubernetes.io/description": DESCRIPTION}
            return {"metadata": {"name": ROOT_CA, "annotations": annotations}, "data": data}
        annotations = present["metadata"].get("annotations") or {}
        if present.get("data") == data and annotations.get("kubernetes.io/description"):
            return None
        annotations = {**annotations, "kubernetes.io/description": DESCRIPTION}
        return {
            **present,
            "metadata": {**present["metadata"], "annotations": annotations},
            "data": data,
        }
