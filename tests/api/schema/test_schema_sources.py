"""What `tools/build_schemas.py` reads from Go declarations."""

import pathlib
import sys

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[3] / "tools"

SOURCE = """package v1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Mood says how it is.
// +enum
type Mood string

const (
	MoodGood Mood = "Good"
	MoodBad  Mood = "Bad"
)

type Common struct {
	// +default="x"
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"`
}

type Gadget struct {
	TypeMeta `json:",inline"`
	Common   `json:",inline" protobuf:"bytes,2,opt,name=common"`

	// What it feels.
	// +optional
	Mood  *Mood              `json:"mood,omitempty,omitzero" protobuf:"bytes,3,opt,name=mood"`
	Port  intstr.IntOrString `json:"port" protobuf:"bytes,4,opt,name=port"`
	Parts []corev1.Pod       `json:"parts" protobuf:"bytes,5,rep,name=parts"`
	cache map[string]int     `json:"-"`
}

type TypeMeta struct {
	Kind string `json:"kind,omitempty" protobuf:"bytes,1,opt,name=kind"`
}
"""


@pytest.fixture
def go_types(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    import go_types

    yield go_types
    sys.modules.pop("go_types", None)


def test_structs_enums_defaults_and_numbers(go_types, tmp_path):
    folder = tmp_path / "v1"
    folder.mkdir()
    (folder / "types.go").write_text(SOURCE)
    packages = {"example.v1": go_types.read(folder)}
    fields = go_types.fields_of(packages, "example.v1", "Gadget")
    assert {name: (f.type, f.omit, f.wire, f.default) for name, f in fields.items()} == {
        "kind": ("string", "o", (), None),
        "name": ("string", "o", (2, 1), "x"),
        "mood": ("*v1.Mood", "oz", (3,), None),
        "port": ("intstr.IntOrString", "", (4,), None),
        "parts": ("[]v1.Pod", "", (5,), None),
    }
    assert go_types.enum_of(packages, "example.v1", "*v1.Mood") == ["Bad", "Good"]
    assert go_types.enum_of(packages, "example.v1", "string") == []
