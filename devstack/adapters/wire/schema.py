"""What is on the wire as JSON Schema: of answers from their shapes, of request bodies from the tables of fields.

Shapes are closed: a key that is not in one is a mistake of ours. Bodies are open, for unknown keys are ignored, and
null stands for absent.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import (
    Annotated,
    Any,
    Final,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from devstack.adapters.wire.decoder import PARAMS, TEXT, Array, Free, Integer, Map, Reader, Struct, Word

__all__ = ["Schemas"]

Schema = dict[str, Any]
_PLAIN: Final[Mapping[Any, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}


class Schemas:
    """Schemas that refer to each other; `components` are those that have a name."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    # ---- answers -------------------------------------------------------------------------------------------

    def of_shape(self, shape: Any) -> Schema:
        """What a value of that type looks like; a TypedDict becomes a component."""
        if shape in _PLAIN:
            return dict(_PLAIN[shape])
        if is_typeddict(shape):
            return self._named(shape.__name__.removesuffix("Json"), lambda: self._closed(shape))
        kind, arguments = get_origin(shape), get_args(shape)
        if kind is NotRequired:
            return self.of_shape(arguments[0])
        if kind is Annotated:
            return self._annotated(arguments[0], arguments[1])
        if kind in (Union, types.UnionType):
            return {"anyOf": [self.of_shape(argument) for argument in arguments]}
        if kind is Sequence:
            return {"type": "array", "items": self.of_shape(arguments[0])}
        assert kind is Mapping, shape
        return {"type": "object", "additionalProperties": self.of_shape(arguments[1])}

    def _annotated(self, shape: Any, note: Any) -> Schema:
        schema = self.of_shape(shape)
        if isinstance(note, str):
            return schema | {"description": note}
        if isinstance(note, tuple):
            return schema | {"enum": list(note)}
        return schema | _members(note, shape)

    def _closed(self, shape: Any) -> Schema:
        hints = get_type_hints(shape, include_extras=True)
        return {
            "type": "object",
            **({"description": shape.__doc__} if shape.__doc__ else {}),
            "properties": {key: self.of_shape(hint) for key, hint in hints.items()},
            # The class itself does not know: its annotations are texts.
            "required": [key for key, hint in hints.items() if get_origin(hint) is not NotRequired],
            "additionalProperties": False,
        }

    # ---- bodies --------------------------------------------------------------------------------------------

    def of_reader(self, reader: Reader) -> Schema:
        """What that reader takes, in the spelling that answers have."""
        match reader:
            case Struct():
                return self._named(_input_name(reader.go_type), lambda: self._open(reader))
            case Integer():
                return {"type": "integer", "minimum": reader.low, "maximum": reader.high}
            case Array():
                return {"type": "array", "items": self._nullable(reader.item)}
            case Map():
                return {"type": "object", "additionalProperties": self._nullable(reader.item)}
            case Word():
                return {"type": "string", "examples": list(reader.meanings)}
            case Free():
                known = {key: {"description": about} for key, about in reader.keys.items()}
                return {"type": "object", "properties": known}
        assert reader in (TEXT, PARAMS), reader
        return {"type": "string" if reader is TEXT else "object"}

    def _open(self, struct: Struct) -> Schema:
        return {
            "type": "object",
            "properties": {key: self._nullable(reader) for key, (_, reader) in struct.fields.items()},
        }

    def _nullable(self, reader: Reader) -> Schema:
        schema = self.of_reader(reader)
        if "type" in schema:
            return schema | {"type": [schema["type"], "null"]}
        return {"anyOf": [schema, {"type": "null"}]}

    def _named(self, name: str, make: Any) -> Schema:
        if name not in self.components:
            self.components[name] = {}  # It may refer to itself.
            self.components[name] = make()
        return {"$ref": f"#/components/schemas/{name}"}


def _input_name(go_type: str) -> str:
    """A name that no answer has: what is sent may be less than what is told."""
    name = go_type.rpartition(".")[2]
    return name if name.endswith("Request") else f"{name}Input"


def _members(kind: type[Enum], shape: type) -> Schema:
    """The values that an enumeration has on the wire, where some are numbers with names."""
    if shape is int:
        return {
            "enum": [member.value for member in kind],
            "description": ", ".join(f"{member.value} {_text(member)}" for member in kind),
        }
    return {"enum": [_text(member) for member in kind]}


def _text(member: Any) -> str:
    return str(getattr(member, "text", member.value))
