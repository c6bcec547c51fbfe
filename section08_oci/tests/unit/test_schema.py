"""What we write is valid by the runtime specification's own schemas (see data/README.md)."""

import json
import pathlib
import re

import pytest

from section08_oci import Bundle, SpecError, check_spec, default_spec
from section08_oci.core.state import State
from section08_oci.features import supported

DATA = pathlib.Path(__file__).parents[1] / "data"
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def load(name):
    return json.loads((DATA / name).read_text())


def is_type(value, name):
    if name in ("integer", "number"):
        return isinstance(value, int if name == "integer" else (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def problems(value, schema, document, path="$"):  # noqa: C901  one branch for each word of the language
    """Yield what is wrong with value: the part of JSON schema that these schemas use."""
    if "$ref" in schema:
        name, _, pointer = schema["$ref"].partition("#")
        other = load(name) if name else document
        found = other
        for key in filter(None, pointer.split("/")):
            found = found[key]
        yield from problems(value, found, other, path)
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(is_type(value, name) for name in names):
            yield f"{path} is not {names}"
            return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{path}: {value!r} does not match {schema['pattern']}"
    if is_type(value, "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path}: {value} is out of range"
    for part in schema.get("allOf", ()):
        yield from problems(value, part, document, path)
    for word in ("anyOf", "oneOf"):
        if word in schema and all(list(problems(value, part, document, path)) for part in schema[word]):
            yield f"{path} is {word} nothing"
    if isinstance(value, list) and "items" in schema:
        if len(value) < schema.get("minItems", 0):
            yield f"{path} is too short"
        for number, item in enumerate(value):
            yield from problems(item, schema["items"], document, f"{path}[{number}]")
    if isinstance(value, dict):
        yield from (f"{path}.{key} is missing" for key in schema.get("required", ()) if key not in value)
        for key, item in value.items():
            if key in schema.get("properties", {}):
                yield from problems(item, schema["properties"][key], document, f"{path}.{key}")
            for pattern, part in schema.get("patternProperties", {}).items():
                if re.search(pattern, key):
                    yield from problems(item, part, document, f"{path}.{key}")


def check(value, name):
    schema = load(name)
    return list(problems(value, schema, schema))


def test_the_default_config_is_valid():
    assert check(default_spec(["sh"], terminal=True), "config-schema.json") == []


def test_the_checker_sees_what_is_wrong():
    spec = default_spec()
    spec["process"]["args"] = "ls -l"
    spec["linux"]["namespaces"][0]["type"] = "nonesuch"
    del spec["ociVersion"]
    assert len(check(spec, "config-schema.json")) >= 3


def test_the_state_is_valid(tmp_path):
    state = State(str(tmp_path), {"ociVersion": "1.0.2", "id": "a", "bundle": "/b", "annotations": {}, "secret": 1})
    state.move("creating")
    assert check(state.oci(), "state-schema.json") == []
    assert "secret" not in state.oci()


def test_the_features_are_valid_and_seccomps_are_section_sevens():
    from section07_security.core import seccomp

    value = supported()
    assert check(value, "features-schema.json") == []
    assert set(value["linux"]["seccomp"]["actions"]) == set(seccomp.ACTIONS)
    assert set(value["linux"]["seccomp"]["archs"]) == set(seccomp.ARCHITECTURES)


@pytest.mark.parametrize("path", sorted((DATA / "good").glob("*.json")), ids=lambda p: p.name)
def test_the_specifications_good_examples_are_accepted(path):
    spec = json.loads(path.read_text())
    spec["ociVersion"] = "1.2.0"  # one of them still is from before 1.0
    check_spec(spec)


def test_a_file_that_is_not_json_is_one_sentence(tmp_path):
    (tmp_path / "config.json").write_bytes((DATA / "bad" / "invalid-json.json").read_bytes())
    with pytest.raises(SpecError, match="cannot read the config"):
        Bundle(str(tmp_path))
