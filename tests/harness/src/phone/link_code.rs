//! The phone's half of a link code: what was typed, and the bundle that only the right code opens. Reference 02 §3.5.

use sanswire::crypto::aead::Gcm;
use sanswire::crypto::{KeyPair, PublicKey, kdf};
use sanswire::link::pairing::code::LinkCode;
use thiserror::Error;

use super::Phone;

/// A code that was typed, until the companion's bundle comes.
pub(super) struct TypedCode {
    ephemeral: KeyPair,
    companion: PublicKey,
}

/// What the phone sends on after a code was typed.
pub(crate) struct PrimaryHello {
    /// Its ephemeral key under the code.
    pub(crate) wrapped: Vec<u8>,
    /// Its identity key.
    pub(crate) identity: [u8; 32],
}

/// Why a bundle is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum BundleError {
    #[error("no code was typed")]
    NotTyped,
    #[error("wrong code")]
    WrongCode,
    #[error("the identities in the bundle are not those outside")]
    Identities,
    #[error("a key is a low-order point")]
    LowOrder,
}

impl Phone {
    /// The user types a code: the companion's key is read with it, right or wrong. `None` when the key that came
    /// with the request has another length than it must have.
    pub(crate) fn type_code(&mut self, code: &LinkCode, wrapped: &[u8]) -> Option<PrimaryHello> {
        let companion = code.unwrap(wrapped).ok()?;
        let ephemeral = self.seed.key_pair();
        let wrapped = code.wrap(&ephemeral.public, &self.seed.bytes(), &self.seed.bytes()).to_vec();
        self.typed = Some(TypedCode { ephemeral, companion });
        Some(PrimaryHello { wrapped, identity: *self.keys.identity() })
    }

    /// Opens the companion's bundle; gives the secret that both know then.
    pub(crate) fn open_bundle(
        &mut self,
        bundle: &[u8],
        identity: &[u8; 32],
    ) -> Result<[u8; 32], BundleError> {
        let typed = self.typed.take().ok_or(BundleError::NotTyped)?;
        let shared = typed.ephemeral.private.agree(&typed.companion).map_err(|_| BundleError::LowOrder)?;
        let (salt, rest) = bundle.split_at_checked(32).ok_or(BundleError::WrongCode)?;
        let (nonce, sealed) = rest.split_first_chunk::<12>().ok_or(BundleError::WrongCode)?;
        let key = kdf::hkdf::<32>(shared.expose(), Some(salt), BUNDLE_INFO);
        let text = Gcm::new(key.expose()).open(nonce, &[], sealed).map_err(|_| BundleError::WrongCode)?;
        let parts: Vec<&[u8]> = text.chunks(32).collect();
        let [companion, own, share] = parts.as_slice() else { return Err(BundleError::Identities) };
        if *companion != identity || own != self.keys.identity() {
            return Err(BundleError::Identities);
        }
        let identities = self.keys.agree(&PublicKey::new(*identity)).ok_or(BundleError::LowOrder)?;
        let secrets = [shared.expose().as_slice(), &identities, share].concat();
        Ok(*kdf::hkdf::<32>(&secrets, None, b"adv_secret").expose())
    }
}

const BUNDLE_INFO: &[u8] = b"link_code_pairing_key_bundle_encryption_key";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::seed::Seed;
    use sanswire::link::pairing::code::{FinishRandom, finish};

    #[test]
    fn only_the_right_code_opens_the_bundle_and_gives_the_companions_secret() {
        let mut phone = Phone::new(Seed::new([1; 32]), Time(0));
        let (ephemeral, identity) = (KeyPair::from_private([2; 32]), KeyPair::from_private([3; 32]));
        let right = LinkCode::custom("ABCD1234").unwrap();
        let wrapped = right.wrap(&ephemeral.public, &[4; 32], &[5; 16]);
        let random = FinishRandom { salt: [6; 32], nonce: [7; 12], share: [8; 32] };
        for (typed, opens) in [("ABCD1234", true), ("ABCD1235", false)] {
            let hello = phone.type_code(&LinkCode::custom(typed).unwrap(), &wrapped).unwrap();
            let answer =
                finish(&right, &ephemeral, &identity, &hello.wrapped, &hello.identity, &random).unwrap();
            let opened = phone.open_bundle(&answer.wrapped_bundle, identity.public.as_bytes());
            let secret = opens.then_some(*answer.adv_secret.expose());
            assert_eq!(opened, secret.ok_or(BundleError::WrongCode));
        }
        assert_eq!(phone.open_bundle(&[], &[0; 32]), Err(BundleError::NotTyped));
    }
}
