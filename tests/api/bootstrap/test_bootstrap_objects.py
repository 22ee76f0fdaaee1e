"""What a fresh cluster holds."""

from collections import Counter

from miniplane.api import bootstrap, resources

OBJECTS = list(bootstrap.objects(now="2026-01-01T00:00:00Z"))


def find(kind, name, namespace=None):
    (found,) = (
        o
        for o in OBJECTS
        if o["kind"] == kind
        and o["metadata"]["name"] == name
        and o["metadata"].get("namespace") == namespace
    )
    return found


def test_how_much_of_each_kind():
    assert Counter(o["kind"] for o in OBJECTS) == {
        "Namespace": 4,
        "PriorityClass": 2,
        "PriorityLevelConfiguration": 8,
        "FlowSchema": 11,
        "ClusterRole": 70,
        "Role": 7,
        "ClusterRoleBinding": 51,
        "RoleBinding": 7,
        "ServiceCIDR": 1,
        "APIService": 21,
        "StorageClass": 1,
    }


def test_every_object_is_of_a_served_kind_and_in_its_right_place():
    names = set()
    for obj in OBJECTS:
        row = resources.of_kind(obj["apiVersion"], obj["kind"])
        assert row is not None
        assert row.namespaced == ("namespace" in obj["metadata"])
        names.add((obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]))
    assert len(names) == len(OBJECTS)


def test_namespaces_come_before_what_lives_in_them():
    made = []
    for obj in OBJECTS:
        if obj["kind"] == "Namespace":
            made.append(obj["metadata"]["name"])
        elif "namespace" in obj["metadata"]:
            assert obj["metadata"]["namespace"] in made


def test_every_served_group_has_an_api_service():
    services = {o["metadata"]["name"] for o in OBJECTS if o["kind"] == "APIService"}
    assert services == {f"{row.version}.{row.group}" for row in resources.RESOURCES} - {
        "v1.apiregistration.k8s.io"
    }


def test_cluster_admin():
    role = find("ClusterRole", "cluster-admin")
    assert role["metadata"]["labels"] == {"kubernetes.io/bootstrapping": "rbac-defaults"}
    assert role["metadata"]["annotations"] == {
        "rbac.authorization.kubernetes.io/autoupdate": "true"
    }
    assert role["rules"] == [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    assert find("ClusterRoleBinding", "cluster-admin")["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:masters"}
    ]


def test_aggregated_roles_hold_the_rules_of_their_parts():
    view, edit, admin = (find("ClusterRole", name) for name in ("view", "edit", "admin"))
    label = "rbac.authorization.k8s.io/aggregate-to-edit"
    assert edit["aggregationRule"]["clusterRoleSelectors"] == [{"matchLabels": {label: "true"}}]
    assert view["metadata"]["labels"][label] == "true"
    assert view["rules"] == find("ClusterRole", "system:aggregate-to-view")["rules"]
    assert all(rule in edit["rules"] for rule in view["rules"])
    assert all(rule in admin["rules"] for rule in edit["rules"])
    assert (len(view["rules"]), len(edit["rules"]), len(admin["rules"])) == (12, 27, 29)


def test_rules_with_names_and_bindings_with_accounts():
    signer = find("Role", "system:controller:bootstrap-signer", "kube-public")
    assert signer["rules"][1] == {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": ["cluster-info"],
        "verbs": ["update"],
    }
    binding = find("RoleBinding", "system:controller:bootstrap-signer", "kube-public")
    assert binding["roleRef"]["kind"] == "Role"
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "bootstrap-signer", "namespace": "kube-system"}
    ]
    assert "subjects" not in find("ClusterRoleBinding", "system:node")


def test_every_binding_binds_a_role_that_is_there():
    for obj in OBJECTS:
        if "roleRef" in obj:
            find(obj["roleRef"]["kind"], obj["roleRef"]["name"], obj["metadata"].get("namespace"))


def test_flow_schemas_refer_to_levels_that_are_there():
    for obj in OBJECTS:
        if obj["kind"] == "FlowSchema":
            find("PriorityLevelConfiguration", obj["spec"]["priorityLevelConfiguration"]["name"])
            assert obj["status"]["conditions"][0]["status"] == "False"


def test_the_default_storage_class():
    standard = find("StorageClass", "standard")
    annotations = standard["metadata"]["annotations"]
    assert annotations["storageclass.kubernetes.io/is-default-class"] == "true"
    assert standard["provisioner"] == bootstrap.PROVISIONER
    assert standard["volumeBindingMode"] == "Immediate"
    assert standard["reclaimPolicy"] == "Delete"


def test_the_service_range_is_configurable():
    (cidr,) = (
        o for o in bootstrap.objects(service_cidr="10.1.0.0/24") if o["kind"] == "ServiceCIDR"
    )
    assert cidr["spec"]["cidrs"] == ["10.1.0.0/24"]


def test_objects_are_fresh_each_time():
    def wreck(value):
        if isinstance(value, dict):
            for item in value.values():
                wreck(item)
            value.clear()
        elif isinstance(value, list):
            for item in value:
                wreck(item)
            value.clear()

    first = list(bootstrap.objects(now="2026-01-01T00:00:00Z"))
    assert first == OBJECTS
    for obj in first:
        wreck(obj)
    assert list(bootstrap.objects(now="2026-01-01T00:00:00Z")) == OBJECTS
