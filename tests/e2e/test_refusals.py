"""What kubectl says when something is wrong."""

import pytest

pytestmark = pytest.mark.kubectl(which=slice(0, 2))


@pytest.fixture
def manifest(kubectl):
    return kubectl("create", "--dry-run=client", "--output=yaml", "--filename=mysql.yaml")


def test_what_is_not_there(kubectl):
    assert kubectl.refused("get", "pod", "none") == (
        'Error from server (NotFound): pods "none" not found'
    )
    assert kubectl.refused("get", "statefulset/none") == (
        'Error from server (NotFound): statefulsets.apps "none" not found'
    )
    assert kubectl.refused("get", "nonsense") == (
        'error: the server doesn\'t have a resource type "nonsense"'
    )
    empty = kubectl.run("get", "pods")
    assert (empty.stdout, empty.stderr) == (
        "",
        f"No resources found in {kubectl.namespace} namespace.\n",
    )
    assert kubectl.refused("create", "configmap", "c", "--namespace=nowhere").endswith(
        'error: failed to create configmap: namespaces "nowhere" not found'
    )


def test_what_is_there_already(kubectl):
    kubectl("create", "configmap", "c")
    assert kubectl.refused("create", "configmap", "c") == (
        'error: failed to create configmap: configmaps "c" already exists'
    )
    kubectl("apply", "--filename=mysql.yaml")
    assert kubectl.refused("create", "--filename=mysql.yaml") == (
        'Error from server (AlreadyExists): error when creating "mysql.yaml": '
        'statefulsets.apps "mysql" already exists'
    )


def test_unknown_fields(kubectl, manifest):
    misspelt = manifest.replace("replicas: 3", "replicsa: 3")
    for verb in ("create", "apply"):
        assert kubectl.refused(verb, "--filename=-", stdin=misspelt) == (
            'Error from server (BadRequest): error when creating "STDIN": StatefulSet in version '
            '"v1" cannot be handled as a StatefulSet: strict decoding error: '
            'unknown field "spec.replicsa"'
        )
    warned = kubectl.run("apply", "--validate=warn", "--filename=-", stdin=misspelt)
    assert warned.stdout == "statefulset.apps/mysql created\n"
    assert warned.stderr == 'Warning: unknown field "spec.replicsa"\n'
    assert kubectl.value(".spec.replicas", "statefulset/mysql") == "1"
    again = kubectl.refused("apply", "--filename=-", stdin=manifest.replace("image:", "imagee:"))
    assert again.startswith('The request is invalid: patch: Invalid value: "map[')
    assert 'unknown field "spec.template.spec.containers[0].imagee"' in again


def test_values_of_the_wrong_type(kubectl, manifest):
    wrong = manifest.replace("replicas: 3", "replicas: three")
    assert kubectl.refused("create", "--filename=-", stdin=wrong) == (
        'Error from server (BadRequest): error when creating "STDIN": StatefulSet in version "v1" '
        "cannot be handled as a StatefulSet: json: cannot unmarshal string into Go struct field "
        "StatefulSetSpec.spec.replicas of type int32"
    )


def test_values_that_are_not_allowed(kubectl, manifest):
    wrong = manifest.replace("replicas: 3", "replicas: -3")
    assert kubectl.refused("create", "--filename=-", stdin=wrong) == (
        'The StatefulSet "mysql" is invalid: spec.replicas: Invalid value: -3: '
        "must be greater than or equal to 0"
    )
    other = manifest.replace("app: mysql", "app: other", 1)
    assert "`selector` does not match template `labels`" in kubectl.refused(
        "create", "--filename=-", stdin=other
    )
    assert kubectl.refused("create", "deployment", "Web", "--image=nginx").startswith(
        "error: failed to create deployment: "
        'Deployment.apps "Web" is invalid: metadata.name: Invalid value: "Web": '
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters"
    )


def test_fields_that_cannot_be_changed(kubectl, manifest):
    kubectl("apply", "--filename=mysql.yaml")
    changed = manifest.replace("serviceName: mysql", "serviceName: other")
    refused = kubectl.refused("apply", "--filename=-", stdin=changed)
    assert refused.startswith(
        'The StatefulSet "mysql" is invalid: spec: Forbidden: '
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    )
    kubectl("apply", "--filename=fluentd.yaml")
    selector = '--patch={"spec":{"selector":{"matchLabels":{"app":"x"}}}}'
    refused = kubectl.refused("patch", "daemonset", "fluentd", selector)
    assert refused.startswith('The DaemonSet "fluentd" is invalid: ')
    assert "spec.selector: Invalid value: " in refused
    assert "field is immutable" in refused


def test_selectors_that_cannot_be_read(kubectl):
    assert kubectl.refused("get", "pods", "--field-selector=spec.color=red").endswith(
        "field label not supported: spec.color"
    )
    assert kubectl.refused("get", "pods", "--selector=a in (b").endswith(
        "unable to parse requirement: found '', expected: ',' or ')'"
    )
