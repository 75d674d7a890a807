//! Finds arguments of an operation by letting its own deserializer ask for them.
//!
//! Whatever is asked for is given: for texts a few candidates are tried in turn, as only the type knows which it
//! takes. So no list of arguments is kept beside the types.

use core::cell::RefCell;
use core::fmt;
use std::collections::BTreeMap;

use sanswire::ops::Operation;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Visitor};
use serde::{Deserialize as _, Deserializer};
use serde_json::Value;

/// Arguments that the operation takes, and the words that can stand in some places.
pub(super) struct Sample {
    pub(super) arguments: Value,
    pub(super) choices: BTreeMap<String, Vec<String>>,
}

/// What the text of a sample stands for.
pub(super) fn meaning(text: &str) -> &'static str {
    CANDIDATES.iter().find(|(candidate, _)| *candidate == text).map_or("text", |(_, meaning)| meaning)
}

/// Arguments for the operation of this name; `None` when its deserializer does not say what it wants.
pub(super) fn sample(name: &str) -> Option<Sample> {
    let log = Log::default();
    for _ in 0..TRIES_MAX {
        let probe = Probe { path: String::new(), name, log: &log, depth: 0 };
        if let Ok(made) = Operation::deserialize(probe) {
            let whole = serde_json::to_value(made).ok()?;
            let arguments = whole.get("args").cloned().unwrap_or(Value::Null);
            return Some(Sample { arguments, choices: log.0.take().choices });
        }
        // It ends at once with what it does not take: the last text that it was given.
        let mut log = log.0.borrow_mut();
        let path = log.last.take()?;
        let next = log.plan.get(&path).map_or(1, |at| at + 1);
        if next >= CANDIDATES.len() {
            return None;
        }
        log.plan.insert(path, next);
    }
    None
}

/// What the attempts so far have taught.
#[derive(Default)]
struct Log(RefCell<Learnt>);

#[derive(Default)]
struct Learnt {
    /// Which candidate each text gets.
    plan: BTreeMap<String, usize>,
    /// Where a text was given last.
    last: Option<String>,
    /// Words that can stand in a place.
    choices: BTreeMap<String, Vec<String>>,
}

/// Gives whatever is asked for at one place.
struct Probe<'a> {
    path: String,
    name: &'a str,
    log: &'a Log,
    depth: usize,
}

impl<'a> Probe<'a> {
    fn below(&self, field: &str) -> Self {
        let path = if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) };
        Probe { path, name: self.name, log: self.log, depth: self.depth + 1 }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let at = self.log.0.borrow().plan.get(&self.path).copied().unwrap_or(0);
        let text = CANDIDATES.get(at).map_or("", |(text, _)| text);
        self.log.0.borrow_mut().last = Some(self.path);
        visitor.visit_str(text)
    }
}

/// An attempt that came to nothing.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not taken")
    }
}

impl core::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            visitor.$visit(Default::default())
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    numbers! {
        deserialize_i8 visit_i8; deserialize_i16 visit_i16; deserialize_i32 visit_i32; deserialize_i64 visit_i64;
        deserialize_u8 visit_u8; deserialize_u16 visit_u16; deserialize_u32 visit_u32; deserialize_u64 visit_u64;
        deserialize_f32 visit_f32; deserialize_f64 visit_f64;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_bool(true)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_char('1')
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.text(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_bytes(&[])
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_bytes(&[])
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        if self.depth > DEPTH_SHOWN { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let items = usize::from(self.depth <= DEPTH_SHOWN);
        visitor.visit_seq(Items { probe: &self, left: items })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_seq(Items { probe: &self, left: len })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_seq(Items { probe: &self, left: len })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(Fields { probe: &self, left: &[], value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_map(Fields { probe: &self, left: fields, value: None })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let words = variants.iter().map(|word| (*word).to_owned()).collect();
        let place = self.path.strip_prefix("args.").unwrap_or(&self.path).to_owned();
        self.log.0.borrow_mut().choices.insert(place, words);
        visitor.visit_enum(Variant { word: variants.first().copied().unwrap_or_default(), probe: self })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.text(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }
}

/// All fields of a struct.
struct Fields<'a> {
    probe: &'a Probe<'a>,
    left: &'static [&'static str],
    value: Option<&'static str>,
}

impl<'de> de::MapAccess<'de> for Fields<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        let Some((first, rest)) = self.left.split_first() else { return Ok(None) };
        self.left = rest;
        self.value = Some(first);
        seed.deserialize(StrDeserializer::new(first)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        match self.value.take().unwrap_or_default() {
            // The name of the operation, beside its arguments.
            "name" if self.probe.depth == 0 => seed.deserialize(StrDeserializer::new(self.probe.name)),
            field => seed.deserialize(self.probe.below(field)),
        }
    }
}

/// Items of a list.
struct Items<'a> {
    probe: &'a Probe<'a>,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.probe.below("each")).map(Some)
    }
}

/// The first variant of an enum.
struct Variant<'a> {
    word: &'static str,
    probe: Probe<'a>,
}

impl<'de> de::EnumAccess<'de> for Variant<'_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refused> {
        Ok((seed.deserialize(StrDeserializer::new(self.word))?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(self.probe.below(self.word))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.probe.below(self.word).deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.probe.below(self.word).deserialize_struct(self.word, fields, visitor)
    }
}

/// Texts that are tried in turn, and what it means when one is taken.
const CANDIDATES: &[(&str, &str)] = &[
    ("some text", "text"),
    ("15550001111@s.whatsapp.net", "address"),
    ("120363000000000001@g.us", "address of a group"),
    ("120363000000000001@newsletter", "address of a channel"),
    ("AAAA", "base64"),
    ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "base64 of 32 bytes"),
    ("0000000000000000000000000000000000000000000000000000000000000000", "64 hex digits"),
];
/// Lists and optional fields deeper than this are left out.
const DEPTH_SHOWN: usize = 4;
/// Attempts at one operation.
const TRIES_MAX: usize = 1000;
