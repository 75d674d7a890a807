//! All sessions with one device: the current one and those before it. Reference 04 §5.

use alloc::vec::Vec;

use super::Draw;
use super::bundle::Bundle;
use super::error::SignalError;
use super::identity::Local;
use super::session::{Advance, SessionState};
use crate::crypto::PublicKey;
use crate::limits::ARCHIVED_SESSIONS_MAX;

/// The sessions with one device. Messages are encrypted with the current one; an archived one that the peer
/// uses again becomes current, so that both sides come together after starting sessions at the same time. The current
/// one can always encrypt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionRecord {
    current: Option<SessionState>,
    archived: Vec<SessionState>,
}

/// One session of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Current,
    Archived(usize),
}

impl SessionRecord {
    /// A record without sessions.
    #[must_use]
    pub const fn new() -> Self {
        Self { current: None, archived: Vec::new() }
    }

    /// A record from stored sessions, `archived` most recent first; those beyond
    /// [`ARCHIVED_SESSIONS_MAX`] are dropped. A current one that is spent is archived: it only reads.
    #[must_use]
    pub fn from_sessions(current: Option<SessionState>, mut archived: Vec<SessionState>) -> Self {
        let (current, spent) = match current {
            Some(session) if session.is_spent() => (None, Some(session)),
            current => (current, None),
        };
        archived.splice(0..0, spent);
        archived.truncate(ARCHIVED_SESSIONS_MAX);
        Self { current, archived }
    }

    /// The session that messages are encrypted with.
    #[must_use]
    pub const fn current(&self) -> Option<&SessionState> {
        self.current.as_ref()
    }

    /// Sessions before the current one, most recent first.
    #[must_use]
    pub fn archived(&self) -> &[SessionState] {
        &self.archived
    }

    /// Whether there is no session at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.current.is_none() && self.archived.is_empty()
    }

    /// Whether a session was started with this base key: then a `pkmsg` that names it needs no prekeys.
    #[must_use]
    pub fn knows(&self, base_key: &PublicKey) -> bool {
        self.find(base_key).is_some()
    }

    /// Starts a session from a peer's bundle, whose signature is checked. It becomes the current one.
    ///
    /// # Errors
    /// [`SignalError::InvalidSignature`] or [`SignalError::InvalidKey`]; the record is as before.
    pub fn initiate(
        &mut self,
        local: &Local,
        bundle: &Bundle,
        draw: &mut impl Draw,
    ) -> Result<(), SignalError> {
        self.install(SessionState::initiate(local, bundle, draw)?);
        Ok(())
    }

    /// Archives the current session, so that the next message needs a new bundle while messages in flight
    /// still decrypt.
    pub fn archive_current(&mut self) {
        let Some(mut session) = self.current.take() else { return };
        session.forget_pending_prekey();
        self.archived.truncate(ARCHIVED_SESSIONS_MAX - 1);
        self.archived.insert(0, session);
    }

    /// Gives up every sending chain, as the record comes from an older copy of the storage and what followed it is
    /// not known: no message key is ever used twice. Messages of the peer still decrypt as far as they can.
    pub fn distrust(&mut self) {
        self.archive_current();
        for session in &mut self.archived {
            session.spend();
        }
    }

    /// Makes a new session the current one.
    pub(super) fn install(&mut self, session: SessionState) {
        self.archive_current();
        self.current = Some(session);
    }

    /// All sessions in the order in which messages try them.
    pub(super) fn sessions(&self) -> impl Iterator<Item = (Place, &SessionState)> {
        let current = self.current.iter().map(|session| (Place::Current, session));
        let archived = self.archived.iter().enumerate();
        current.chain(archived.map(|(index, session)| (Place::Archived(index), session)))
    }

    /// The session that was started with this base key.
    pub(super) fn find(&self, base_key: &PublicKey) -> Option<(Place, &SessionState)> {
        self.sessions().find(|(_, session)| session.base_key() == base_key)
    }

    /// The session that encrypts.
    pub(super) const fn current_mut(&mut self) -> Option<&mut SessionState> {
        self.current.as_mut()
    }

    /// Takes a step of one session, which becomes the current one if it can encrypt after that.
    pub(super) fn commit(&mut self, place: Place, advance: Advance) {
        if let Place::Archived(index) = place
            && index < self.archived.len()
        {
            let mut session = self.archived.remove(index);
            session.commit(advance);
            if session.is_spent() {
                self.archived.insert(index, session);
            } else {
                self.install(session);
            }
            return;
        }
        if let Some(session) = &mut self.current {
            session.commit(advance);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::crypto::KeyPair;
    use crate::signal::prekey::SignedPreKey;
    use crate::signal::session::SessionParts;

    /// Draws 32 times 1, then 32 times 2, and so on.
    struct Counting(u8);

    impl Draw for Counting {
        fn draw_32(&mut self) -> [u8; 32] {
            self.0 += 1;
            [self.0; 32]
        }
    }

    fn peer() -> (Local, Bundle) {
        let local = Local { identity: KeyPair::from_private([200; 32]), registration_id: 7 };
        let identity = KeyPair::from_private([201; 32]);
        let signed_prekey = SignedPreKey::new(&identity, 1, [202; 32], &[0; 64]).public();
        (local, Bundle { registration_id: 8, identity: identity.public, signed_prekey, prekey: None })
    }

    #[test]
    fn the_oldest_archived_sessions_go_first() {
        let (local, bundle) = peer();
        let (mut record, mut draw) = (SessionRecord::new(), Counting(0));
        for _ in 0..=ARCHIVED_SESSIONS_MAX {
            record.initiate(&local, &bundle, &mut draw).unwrap();
        }
        assert_eq!(record.archived().len(), ARCHIVED_SESSIONS_MAX);
        let (newest, oldest) =
            (*record.archived()[0].base_key(), *record.archived().last().unwrap().base_key());
        record.initiate(&local, &bundle, &mut draw).unwrap();
        assert_eq!(record.archived().len(), ARCHIVED_SESSIONS_MAX);
        assert_eq!(record.archived()[1].base_key(), &newest);
        assert!(!record.knows(&oldest));
    }

    #[test]
    fn a_stored_session_that_is_spent_does_not_encrypt() {
        let (local, bundle) = peer();
        let mut record = SessionRecord::new();
        record.initiate(&local, &bundle, &mut Counting(0)).unwrap();
        let parts = record.current().unwrap().parts().clone();
        let spent = SessionState::from_parts(SessionParts { spent: true, ..parts }).unwrap();
        let mut record = SessionRecord::from_sessions(Some(spent), record.archived().to_vec());
        assert_eq!(record.archived().len(), 1);
        assert_eq!(crate::signal::encrypt(&mut record, b"text"), Err(SignalError::NoSession));
    }

    #[test]
    fn an_archived_session_names_no_prekeys_any_more() {
        let (local, bundle) = peer();
        let mut record = SessionRecord::new();
        record.initiate(&local, &bundle, &mut Counting(0)).unwrap();
        assert!(record.current().unwrap().is_unanswered());
        record.archive_current();
        assert!(record.current().is_none() && !record.archived()[0].is_unanswered());
    }

    #[test]
    fn a_bundle_with_a_wrong_signature_draws_nothing() {
        let (local, mut bundle) = peer();
        bundle.signed_prekey.signature[0] ^= 1;
        let (mut record, mut draw) = (SessionRecord::new(), Counting(0));
        assert_eq!(record.initiate(&local, &bundle, &mut draw), Err(SignalError::InvalidSignature));
        assert_eq!((record.is_empty(), draw.0), (true, 0));
    }
}
