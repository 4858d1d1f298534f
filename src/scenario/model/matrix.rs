//! The `matrix` part of a scenario, before expansion. `expand` computes its points.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// Axes by name, in the order of the case id, and `include` and `exclude`. `${axis}` stands for the value at the point,
/// and `${axis.key}` for a part of the value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    /// The axes by name, in the order of the case id.
    pub axes: IndexMap<String, Axis>,
    /// Points in addition to the product of the axes. Each has a value for every axis.
    pub include: Vec<IndexMap<String, Value>>,
    /// Points to remove from the product: names of values for some of the axes.
    pub exclude: Vec<IndexMap<String, Value>>,
}

/// The values of an axis: a list of plain values, which are their own names, or a map from name to value.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis(pub IndexMap<String, Value>);

impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MatrixVisitor;

        impl<'de> Visitor<'de> for MatrixVisitor {
            type Value = Matrix;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of axes, `include` and `exclude`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Matrix, A::Error> {
                let mut matrix = Matrix::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "include" => matrix.include = map.next_value()?,
                        "exclude" => matrix.exclude = map.next_value()?,
                        _ => {
                            let axis = map.next_value()?;
                            matrix.axes.insert(key, axis);
                        }
                    }
                }
                Ok(matrix)
            }
        }

        deserializer.deserialize_map(MatrixVisitor)
    }
}

impl<'de> Deserialize<'de> for Axis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AxisVisitor;

        impl<'de> Visitor<'de> for AxisVisitor {
            type Value = Axis;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of plain values, or a map of values by name")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Axis, A::Error> {
                let mut values = IndexMap::new();
                while let Some(value) = seq.next_element::<Value>()? {
                    let name = value_name(&value).ok_or_else(|| {
                        A::Error::custom("this value needs a name; write the axis as a map of values by name")
                    })?;
                    values.insert(name, value);
                }
                Ok(Axis(values))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Axis, A::Error> {
                let mut values = IndexMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    values.insert(name, value);
                }
                Ok(Axis(values))
            }
        }

        deserializer.deserialize_any(AxisVisitor)
    }
}

/// The name of a plain value.
fn value_name(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl JsonSchema for Matrix {
    fn schema_name() -> Cow<'static, str> {
        "Matrix".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Axes by name, in the order of the case id. `${axis}` stands for the value at the point, `${axis.key}` for a part of it.",
            "type": "object",
            "properties": {
                "include": {
                    "description": "Points beyond the product of the axes: a value for every axis.",
                    "type": "array",
                    "items": { "type": "object" }
                },
                "exclude": {
                    "description": "Points of the product that are left out: the names of their values for some of the axes.",
                    "type": "array",
                    "items": { "type": "object" }
                }
            },
            "additionalProperties": {
                "description": "The values of an axis: a list of plain values, which are their own names, or a map of values by name.",
                "anyOf": [
                    { "type": "array", "items": { "type": ["string", "number", "boolean"] }, "minItems": 1, "uniqueItems": true },
                    { "type": "object", "minProperties": 1 }
                ]
            }
        })
    }
}
