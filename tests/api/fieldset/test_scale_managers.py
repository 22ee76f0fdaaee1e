"""Who owns a workload's replicas after its scale was written."""

from miniplane.api import fieldset

T0 = "2026-01-01T00:00:00Z"


def entry(manager, fields, **more):
    out = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "apps/v1",
        "time": T0,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **more,
    }
    return {k: v for k, v in out.items() if v is not None}


BOTH = {"f:spec": {"f:paused": {}, "f:replicas": {}}}
PAUSED = {"f:spec": {"f:paused": {}}}
REPLICAS = {"f:spec": {"f:replicas": {}}}


def scale(listed, old, new, manager="scaler"):
    return fieldset.update_scale_managers(
        listed, api_version="apps/v1", old=old, new=new, manager=manager
    )


def test_a_scaler_takes_the_replicas():
    assert scale([entry("test", BOTH)], 1, 3) == [
        entry("scaler", REPLICAS, time=None, subresource="scale"),
        entry("test", PAUSED),
    ]
    assert scale([entry("test", REPLICAS)], 1, 3) == [
        entry("scaler", REPLICAS, time=None, subresource="scale")
    ]


def test_scaling_to_zero_leaves_nobody():
    assert scale([entry("test", BOTH)], 3, 0) == [entry("test", PAUSED)]
    assert scale([entry("test", REPLICAS)], 3, 0) is None


def test_replicas_that_nobody_owns_stay_so():
    assert scale([entry("test", PAUSED)], 0, 2) == [entry("test", PAUSED)]
    assert scale(None, 0, 2) is None


def test_an_applier_keeps_its_entry_when_nothing_changes():
    applied = entry("test", BOTH, operation="Apply")
    assert scale([applied], 2, 2) == [applied]
    assert scale([applied], 2, 3) == [
        entry("test", PAUSED, operation="Apply"),
        entry("scaler", REPLICAS, time=None, subresource="scale"),
    ]


def test_a_write_without_a_change_splits_an_updaters_entry():
    """And the next write forgets the part with the replicas, as the real server does."""
    split = scale([entry("test", BOTH)], 2, 2)
    assert split == [entry("test", REPLICAS, time=None), entry("test", PAUSED)]
    assert scale(split, 2, 5) == [entry("test", PAUSED)]


def test_entries_of_unknown_versions_are_dropped():
    assert scale([entry("old", PAUSED, apiVersion="apps/v1beta9"), entry("test", BOTH)], 1, 1) == [
        entry("test", REPLICAS, time=None),
        entry("test", PAUSED),
    ]


def test_custom_resources_have_their_replicas_elsewhere():
    fields = {"f:spec": {"f:size": {}}}
    out = fieldset.update_scale_managers(
        [entry("test", fields, apiVersion="example.com/v1")],
        api_version="example.com/v1",
        old=1,
        new=2,
        manager="",
        path=("f:spec", "f:size"),
    )
    assert out == [
        entry("unknown", fields, apiVersion="example.com/v1", time=None, subresource="scale")
    ]
