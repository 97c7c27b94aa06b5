//! A JSON value of whatever type, as far as a page can use it.
//!
//! Unlike `serde_json::Value` it has no lists, ends at a given depth, and holds a bounded number of keys, so that a
//! hostile page costs no more than its own size.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The most keys kept of one object; the specifications know fourteen.
const MAX_KEYS: usize = 64;

/// A value of any type.
#[derive(Debug, PartialEq)]
pub(super) enum Loose {
    Null,
    Bool(bool),
    Integer(u64),
    Float(f64),
    Text(String),
    /// In the order of the text; of equal keys the last one counts.
    Object(Vec<(String, Self)>),
    /// A list, or an object that lies too deep.
    Other,
}

impl Loose {
    /// The value of a key of this object. One that is `null` is not there.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        let (_, value) = fields.iter().rev().find(|(known, _)| known == key)?;
        (*value != Self::Null).then_some(value)
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The count that this is, also where it is written as `9.0`.
    pub(super) fn as_integer(&self) -> Option<u64> {
        /// 2^53: beyond it a float no longer tells neighbours apart.
        const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
        match *self {
            Self::Integer(number) => Some(number),
            Self::Float(number) if number.fract() == 0.0 && (0.0..=MAX_EXACT).contains(&number) => {
                Some(number as u64)
            }
            _ => None,
        }
    }
}

/// Reads a value whose objects nest at most `depth` deep.
pub(super) struct LooseSeed {
    pub(super) depth: u8,
}

impl<'de> DeserializeSeed<'de> for LooseSeed {
    type Value = Loose;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Loose, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LooseSeed {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Loose, E> {
        Ok(Loose::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Loose, E> {
        Ok(Loose::Integer(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Loose, E> {
        Ok(u64::try_from(value).map_or(Loose::Float(value as f64), Loose::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Loose, E> {
        Ok(Loose::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Loose, E> {
        Ok(Loose::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Loose, E> {
        Ok(Loose::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let Some(depth) = self.depth.checked_sub(1) else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Loose::Other);
        };
        let mut fields = Vec::new();
        while fields.len() < MAX_KEYS
            && let Some(key) = map.next_key()?
        {
            fields.push((key, map.next_value_seed(Self { depth })?));
        }
        if fields.len() == MAX_KEYS {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        }
        Ok(Loose::Object(fields))
    }
}
