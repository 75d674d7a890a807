//! Which QR code is shown, and for how long. Reference 02 §2.3.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;

/// The references that the server has given for this connection; it closes after the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    waiting: VecDeque<String>,
    shown: Option<String>,
}

impl Rotation {
    /// Starts over with the references of a new `<pair-device>`.
    #[must_use]
    pub fn new(references: impl IntoIterator<Item = String>) -> Self {
        Self { waiting: references.into_iter().collect(), shown: None }
    }

    /// Moves to the next reference and says how long to show it; `None` when all have been shown.
    pub fn advance(&mut self) -> Option<(&str, Duration)> {
        let first = self.shown.is_none();
        let next = self.waiting.pop_front()?;
        let wait = if first { FIRST_SHOWN } else { NEXT_SHOWN };
        Some((self.shown.insert(next), wait))
    }

    /// The reference at hand: show it again, under its old deadline, when the pairing secret has changed.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.shown.as_deref()
    }
}

/// How long the first code of a connection is shown.
pub const FIRST_SHOWN: Duration = Duration::from_secs(60);
/// How long every other code is shown.
pub const NEXT_SHOWN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_code_is_shown_longer_and_the_last_ends_the_round() {
        let mut rotation = Rotation::new(["a", "b", "c"].map(String::from));
        assert_eq!(rotation.current(), None);
        assert_eq!(rotation.advance(), Some(("a", FIRST_SHOWN)));
        assert_eq!(rotation.advance(), Some(("b", NEXT_SHOWN)));
        assert_eq!(rotation.current(), Some("b"));
        assert_eq!(rotation.advance(), Some(("c", NEXT_SHOWN)));
        assert_eq!(rotation.advance(), None);
        assert_eq!(rotation.current(), Some("c"));
    }
}
