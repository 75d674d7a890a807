//! Numbers that the wire has as floating point: positions and speeds. They are carried, never computed with.
//! Reference 06 §4.2.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A finite floating-point number, compared by its bits.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Number(u64);

impl Number {
    /// The number as its bits; zero for what is no finite number.
    #[must_use]
    pub const fn new(value: f64) -> Self {
        if value.is_finite() { Self(value.to_bits()) } else { Self(0) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// The number, from four bytes.
    #[must_use]
    pub fn single(value: f32) -> Self {
        Self::new(f64::from(value))
    }

    /// The number in four bytes, rounded.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the wire has four bytes for it")]
    pub const fn to_single(self) -> f32 {
        self.get() as f32
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.get())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::new)
    }
}
