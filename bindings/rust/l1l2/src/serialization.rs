// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//! serde's traits.

use crate::{ExactSums, Regularizer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::ser::{Serialize, Serializer};
use std::fmt::{self, Write};

/// Human-readable formats get the configuration of Keras, `{"l1": 0.01, "l2": 0.02}`; binary formats
/// get the pair of coefficients.
impl Serialize for Regularizer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return (self.l1(), self.l2()).serialize(serializer);
        }
        serializer.collect_map([("l1", self.l1()), ("l2", self.l2())])
    }
}

/// Human-readable formats, JSON, TOML or YAML for instance, are read as [`Regularizer::from_json`]
/// reads JSON; binary formats as the pair of coefficients. (serde_json reads the last bit of a number
/// right only with its feature `float_roundtrip`.)
impl<'de> Deserialize<'de> for Regularizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            let (l1, l2) = Deserialize::deserialize(deserializer)?;
            return Self::new(l1, l2).map_err(D::Error::custom);
        }
        let mut json = String::new();
        ToJson(&mut json).deserialize(deserializer)?;
        Self::from_json(json).map_err(D::Error::custom)
    }
}

/// The only key of the map that serde_json, with its feature `arbitrary_precision`, makes of a number.
const NUMBER: &str = "$serde_json::private::Number";

/// Appends what it visits to a text of JSON.
struct ToJson<'a>(&'a mut String);

impl ToJson<'_> {
    fn write<E: Error>(self, value: impl fmt::Display) -> Result<(), E> {
        write!(self.0, "{value}").map_err(E::custom)
    }

    fn quote(self, text: &str) {
        self.0.push('"');
        for character in text.chars() {
            match character {
                '"' | '\\' => self.0.extend(['\\', character]),
                '\0'..='\x1f' => self.0.push_str(&format!("\\u{:04x}", u32::from(character))),
                _ => self.0.push(character),
            }
        }
        self.0.push('"');
    }
}

impl<'de> DeserializeSeed<'de> for ToJson<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ToJson<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an L1L2, L1 or L2 of Keras")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.write(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        if !value.is_finite() {
            return Err(E::invalid_value(Unexpected::Float(value), &"a finite number"));
        }
        self.write(format_args!("{value:?}"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.quote(value);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.write("null")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.write("null")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.0.push('[');
        while elements.next_element_seed(ToJson(self.0))?.is_some() {
            self.0.push(',');
        }
        close(self.0, ']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut next = entries.next_key::<String>()?;
        if next.as_deref() == Some(NUMBER) {
            let number: String = entries.next_value()?;
            return self.visit_f64(number.parse().map_err(A::Error::custom)?);
        }
        self.0.push('{');
        while let Some(key) = next {
            ToJson(self.0).quote(&key);
            self.0.push(':');
            entries.next_value_seed(ToJson(self.0))?;
            self.0.push(',');
            next = entries.next_key()?;
        }
        close(self.0, '}');
        Ok(())
    }
}

/// Ends a list, in the place of its last comma if it has one.
fn close(json: &mut String, bracket: char) {
    if json.ends_with(',') {
        json.pop();
    }
    json.push(bracket);
}

/// As [`ExactSums::to_bytes`].
impl Serialize for ExactSums {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_bytes())
    }
}

/// As [`ExactSums::from_bytes`].
impl<'de> Deserialize<'de> for ExactSums {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = ExactSums;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the bytes of exact sums")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<ExactSums, E> {
        ExactSums::from_bytes(bytes).map_err(E::custom)
    }

    /// JSON has bytes as a list of numbers.
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<ExactSums, A::Error> {
        let mut bytes = Vec::with_capacity(ExactSums::BYTES);
        while let Some(byte) = elements.next_element()? {
            if bytes.len() == ExactSums::BYTES {
                return Err(A::Error::invalid_length(bytes.len() + 1, &self));
            }
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}
