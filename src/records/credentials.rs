//! The account's own keys and identity. Reference 01 §16, 02 §1.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use sanswire_proto::records::{Credentials as Stored, SignedPreKey as StoredPreKey};

use super::{RecordError, Table};
use crate::crypto::{KeyPair, PrivateKey, PublicKey, Secret};
use crate::limits::{SIGNED_PREKEY_KEPT_DAYS, SIGNED_PREKEYS_KEPT};
use crate::signal::{Local, SignedPreKey, next_id, prekey};
use crate::wire::{Jid, OwnedJid};

/// The paired account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Me {
    /// Own device under the phone number.
    pub(crate) pn: OwnedJid,
    /// Own device under the LID.
    pub(crate) lid: Option<OwnedJid>,
}

impl Me {
    /// Whether a JID names one of this account's devices.
    pub(crate) fn is_me(&self, jid: &Jid<'_>) -> bool {
        self.pn.same_user(jid) || self.lid.as_ref().is_some_and(|lid| lid.same_user(jid))
    }
}

/// A signed prekey of ours and its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnSignedPreKey {
    /// The key.
    pub(crate) key: SignedPreKey,
    /// When it was made, then when the server confirmed it, in seconds since 1970; `None`: not known.
    pub(crate) since_s: Option<u64>,
}

/// All that makes this device this device. `Debug` prints no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// Static key of the Noise handshake.
    pub(crate) noise: KeyPair,
    /// Signal identity.
    pub(crate) identity: KeyPair,
    /// Signed prekeys: the current one, then older ones that messages under way may name.
    pub(crate) signed_prekeys: Vec<OwnSignedPreKey>,
    /// A newer one that the server has not confirmed; messages may name it all the same.
    pub(crate) new_signed_prekey: Option<OwnSignedPreKey>,
    /// The id of the next one, when it is not the one after the highest.
    pub(crate) next_signed_prekey_id: Option<u32>,
    /// Registration id.
    pub(crate) registration_id: u32,
    /// Authenticates pair-success.
    pub(crate) adv_secret: Secret<32>,
    /// The id of the next one-time prekey.
    pub(crate) next_prekey_id: u32,
    /// One-time prekeys from this id up to the next are not known to be uploaded.
    pub(crate) first_unuploaded_prekey_id: u32,
    /// Whether an upload was ever confirmed.
    pub(crate) server_has_prekeys: bool,
    /// Successful logins.
    pub(crate) login_counter: u32,
    /// Sent ahead of the next handshake.
    pub(crate) routing_info: Option<Bytes>,
    /// Own addresses; absent until paired.
    pub(crate) me: Option<Me>,
    /// Encoded ADVSignedDeviceIdentity, with account key and device signature.
    pub(crate) account: Option<Bytes>,
    /// What the phone said it is.
    pub(crate) platform: Option<String>,
    /// Verified name of a business account.
    pub(crate) business_name: Option<String>,
    /// Own name, as shown to others.
    pub(crate) push_name: Option<String>,
    /// Set once this device must not log in again.
    pub(crate) logged_out: Option<String>,
}

impl Credentials {
    /// Our side of every Signal session.
    pub(crate) fn local(&self) -> Local {
        Local { identity: self.identity.clone(), registration_id: self.registration_id }
    }

    /// The signed prekey with an id: new, current or old.
    pub(crate) fn signed_prekey(&self, id: u32) -> Option<&SignedPreKey> {
        self.new_signed_prekey.iter().chain(&self.signed_prekeys).map(|own| &own.key).find(|key| key.id == id)
    }

    /// The signed prekey that the server confirmed last.
    pub(crate) fn current_signed_prekey(&self) -> Option<&SignedPreKey> {
        self.signed_prekeys.first().map(|own| &own.key)
    }

    /// The one to tell the server of: new, or current.
    pub(crate) fn newest_signed_prekey(&self) -> Option<&SignedPreKey> {
        self.new_signed_prekey.as_ref().map(|own| &own.key).or_else(|| self.current_signed_prekey())
    }

    /// Takes the id for another signed prekey.
    pub(crate) fn take_signed_prekey_id(&mut self) -> u32 {
        let all = self.new_signed_prekey.iter().chain(&self.signed_prekeys);
        let id = self
            .next_signed_prekey_id
            .unwrap_or_else(|| next_id(all.map(|own| own.key.id).max().unwrap_or(0)));
        self.next_signed_prekey_id = Some(next_id(id));
        id
    }

    /// Makes the new signed prekey the current one, if it has this id: the server has it. What was replaced longer
    /// than [`SIGNED_PREKEY_KEPT_DAYS`] ago goes. Says whether anything changed.
    pub(crate) fn confirm_signed_prekey(&mut self, id: u32, now_s: u64) -> bool {
        let Some(mut confirmed) = self.new_signed_prekey.take_if(|new| new.key.id == id) else {
            return false;
        };
        confirmed.since_s = Some(now_s);
        self.signed_prekeys.insert(0, confirmed);
        let kept_s = SIGNED_PREKEY_KEPT_DAYS * SECONDS_PER_DAY;
        // Each was replaced when the one before it came.
        let replaced = self.signed_prekeys.iter().map(|own| own.since_s);
        let expired = |since: Option<u64>| since.is_some_and(|since| now_s.saturating_sub(since) > kept_s);
        let keep = replaced.take_while(|since| !expired(*since)).count();
        self.signed_prekeys.truncate((keep + 1).min(1 + SIGNED_PREKEYS_KEPT));
        true
    }

    /// The storage was put back: ids that were handed out since must not name other keys, and the server may have
    /// a signed prekey that is not here.
    pub(crate) fn skip_ids(&mut self, skipped: u32) {
        self.next_prekey_id = prekey::skip_ids(self.next_prekey_id, skipped);
        self.first_unuploaded_prekey_id = self.next_prekey_id;
        let next = self.take_signed_prekey_id();
        self.next_signed_prekey_id = Some(prekey::skip_ids(next, skipped));
        if let Some(current) = self.signed_prekeys.first_mut() {
            current.since_s = None;
        }
        self.signed_prekeys.extend(self.new_signed_prekey.take());
    }

    /// Reads the stored form.
    pub(crate) fn from_stored(stored: &Stored) -> Result<Self, RecordError> {
        let broken = || RecordError::malformed(Table::Credentials);
        let current = stored.signed_prekey.iter().chain(&stored.old_signed_prekeys);
        let signed_prekeys = current.map(prekey_from).collect::<Option<Vec<_>>>().ok_or_else(broken)?;
        let jid = |text: &Option<String>| match text {
            Some(text) => Jid::parse(text).map(|jid| Some(jid.into_owned())).map_err(|_| broken()),
            None => Ok(None),
        };
        let me = jid(&stored.pn)?.map(|pn| jid(&stored.lid).map(|lid| Me { pn, lid })).transpose()?;
        let pair = |private: &Option<Bytes>, public: &Option<Bytes>| pair(private, public).ok_or_else(broken);
        let new = stored.new_signed_prekey.as_ref();
        Ok(Self {
            new_signed_prekey: new.map(|new| prekey_from(new).ok_or_else(broken)).transpose()?,
            next_signed_prekey_id: stored.next_signed_prekey_id,
            noise: pair(&stored.noise_private, &stored.noise_public)?,
            identity: pair(&stored.identity_private, &stored.identity_public)?,
            signed_prekeys,
            registration_id: stored.registration_id(),
            adv_secret: Secret::from_slice(stored.adv_secret()).ok_or_else(broken)?,
            next_prekey_id: stored.next_prekey_id(),
            first_unuploaded_prekey_id: stored.first_unuploaded_prekey_id(),
            server_has_prekeys: stored.server_has_prekeys(),
            login_counter: stored.login_counter(),
            routing_info: stored.routing_info.clone(),
            me,
            account: stored.account.clone(),
            platform: stored.platform.clone(),
            business_name: stored.business_name.clone(),
            push_name: stored.push_name.clone(),
            logged_out: stored.logged_out.clone(),
        })
    }

    /// The stored form.
    pub(crate) fn to_stored(&self) -> Stored {
        let mut prekeys = self.signed_prekeys.iter().map(prekey_to);
        let text = |jid: &OwnedJid| jid.to_string();
        Stored {
            noise_private: Some(Bytes::copy_from_slice(self.noise.private.expose())),
            noise_public: Some(Bytes::copy_from_slice(self.noise.public.as_bytes())),
            identity_private: Some(Bytes::copy_from_slice(self.identity.private.expose())),
            identity_public: Some(Bytes::copy_from_slice(self.identity.public.as_bytes())),
            signed_prekey: prekeys.next(),
            old_signed_prekeys: prekeys.collect(),
            new_signed_prekey: self.new_signed_prekey.as_ref().map(prekey_to),
            next_signed_prekey_id: self.next_signed_prekey_id,
            registration_id: Some(self.registration_id),
            adv_secret: Some(Bytes::copy_from_slice(self.adv_secret.expose())),
            next_prekey_id: Some(self.next_prekey_id),
            first_unuploaded_prekey_id: Some(self.first_unuploaded_prekey_id),
            server_has_prekeys: Some(self.server_has_prekeys),
            login_counter: Some(self.login_counter),
            routing_info: self.routing_info.clone(),
            pn: self.me.as_ref().map(|me| text(&me.pn)),
            lid: self.me.as_ref().and_then(|me| me.lid.as_ref()).map(text),
            account: self.account.clone(),
            platform: self.platform.clone(),
            business_name: self.business_name.clone(),
            push_name: self.push_name.clone(),
            logged_out: self.logged_out.clone(),
        }
    }
}

fn pair(private: &Option<Bytes>, public: &Option<Bytes>) -> Option<KeyPair> {
    let private = PrivateKey::from_slice(private.as_ref()?).ok()?;
    let public = PublicKey::from_raw(public.as_ref()?).ok()?;
    Some(KeyPair { private, public })
}

fn prekey_from(stored: &StoredPreKey) -> Option<OwnSignedPreKey> {
    let pair = pair(&stored.private, &stored.public)?;
    let signature = stored.signature.as_deref()?.try_into().ok()?;
    let key = SignedPreKey { id: stored.id?, pair, signature };
    Some(OwnSignedPreKey { key, since_s: stored.created_unix_s })
}

fn prekey_to(own: &OwnSignedPreKey) -> StoredPreKey {
    let key = &own.key;
    StoredPreKey {
        id: Some(key.id),
        private: Some(Bytes::copy_from_slice(key.pair.private.expose())),
        public: Some(Bytes::copy_from_slice(key.pair.public.as_bytes())),
        signature: Some(Bytes::copy_from_slice(&key.signature)),
        created_unix_s: own.since_s,
    }
}

const SECONDS_PER_DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn own(id: u32, since_s: Option<u64>) -> OwnSignedPreKey {
        let identity = KeyPair::from_private([1; 32]);
        let key = SignedPreKey { id, pair: identity, signature: [0; 64] };
        OwnSignedPreKey { key, since_s }
    }

    fn credentials() -> Credentials {
        let pair = KeyPair::from_private([1; 32]);
        Credentials {
            noise: pair.clone(),
            identity: pair,
            signed_prekeys: alloc::vec![own(1, Some(0))],
            new_signed_prekey: None,
            next_signed_prekey_id: None,
            registration_id: 1,
            adv_secret: Secret::new([2; 32]),
            next_prekey_id: 1,
            first_unuploaded_prekey_id: 1,
            server_has_prekeys: false,
            login_counter: 0,
            routing_info: None,
            me: None,
            account: None,
            platform: None,
            business_name: None,
            push_name: None,
            logged_out: None,
        }
    }

    fn rotate(keys: &mut Credentials, day: u64) {
        let id = keys.take_signed_prekey_id();
        keys.new_signed_prekey = Some(own(id, Some(day * SECONDS_PER_DAY)));
        assert!(keys.signed_prekey(id).is_some(), "usable before the server has confirmed it");
        assert!(keys.confirm_signed_prekey(id, day * SECONDS_PER_DAY));
    }

    fn ids(keys: &Credentials) -> Vec<u32> {
        keys.signed_prekeys.iter().map(|own| own.key.id).collect()
    }

    #[test]
    fn a_signed_prekey_stays_for_its_days_after_it_was_replaced() {
        let mut keys = credentials();
        rotate(&mut keys, 7);
        rotate(&mut keys, 7 + SIGNED_PREKEY_KEPT_DAYS);
        assert_eq!(ids(&keys), [3, 2, 1], "the first was replaced just so long ago");
        rotate(&mut keys, 8 + SIGNED_PREKEY_KEPT_DAYS);
        assert_eq!(ids(&keys), [4, 3, 2]);
        assert!(!keys.confirm_signed_prekey(2, 0), "confirmed once");
    }

    #[test]
    fn no_more_signed_prekeys_are_kept_than_the_limit() {
        let mut keys = credentials();
        for _ in 0..=SIGNED_PREKEYS_KEPT {
            rotate(&mut keys, 1);
        }
        assert_eq!(keys.signed_prekeys.len(), 1 + SIGNED_PREKEYS_KEPT);
        assert_eq!(ids(&keys).last(), Some(&2));
    }

    #[test]
    fn ids_that_were_given_after_the_copy_was_made_are_left_out() {
        let mut keys = credentials();
        keys.new_signed_prekey = Some(own(2, Some(5)));
        keys.skip_ids(100);
        assert_eq!(keys.take_signed_prekey_id(), 103);
        assert_eq!(keys.take_signed_prekey_id(), 104);
        assert_eq!(ids(&keys), [1, 2], "what the server may have confirmed meanwhile is still usable");
        assert_eq!(keys.signed_prekeys[0].since_s, None);
    }

    #[test]
    fn all_signed_prekeys_are_stored() {
        let mut keys = credentials();
        rotate(&mut keys, 1);
        keys.new_signed_prekey = Some(own(9, None));
        assert_eq!(Credentials::from_stored(&keys.to_stored()), Ok(keys));
    }
}
