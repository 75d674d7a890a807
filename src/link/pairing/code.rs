//! Linking by a code that the user types into the phone: codes, wrapped keys, the key bundle. Reference 02 §3.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::crypto::aead::{AeadError, Gcm};
use crate::crypto::{CurveError, KeyPair, PublicKey, Secret, cbc, kdf};
use crate::limits::{LINK_CODE_HELLOS_MAX, LINK_CODE_WRAPPED_BYTES};

/// Why a part of link-code pairing is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkCodeError {
    /// A chosen code is not eight characters of the alphabet.
    #[error("link code is not eight characters of its alphabet")]
    Code,
    /// A phone number has fewer than seven digits.
    #[error("phone number is too short")]
    NumberTooShort,
    /// A phone number begins with 0: the country code is missing.
    #[error("phone number is not in international form")]
    NumberNotInternational,
    /// A phone number has more digits than any JID.
    #[error("phone number is too long")]
    NumberTooLong,
    /// The name to display is empty, too long, or not like `Browser (OS)`.
    #[error("display name is not like `Browser (OS)`")]
    Display,
    /// A wrapped key does not have its fixed length.
    #[error("wrapped key is not {LINK_CODE_WRAPPED_BYTES} bytes")]
    WrappedLength,
    /// An identity key is not 32 bytes.
    #[error("identity key is not 32 bytes")]
    IdentityLength,
    /// An agreement gave all zeros: the peer's key is a low-order point.
    #[error("agreement with a low-order public key")]
    LowOrder,
    /// The bundle cannot be sealed: never happens for its size.
    #[error("key bundle cannot be sealed")]
    Seal(#[from] AeadError),
}

impl LinkCodeError {
    /// The name of the error's class. Reference 02 §9.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::WrappedLength => "wrapped_length",
            Self::IdentityLength => "key_length",
            Self::Code => "code",
            Self::NumberTooShort | Self::NumberNotInternational | Self::NumberTooLong => "phone_number",
            Self::Display => "display",
            Self::LowOrder => "low_order",
            Self::Seal(_) => "aead",
        }
    }
}

impl From<CurveError> for LinkCodeError {
    fn from(error: CurveError) -> Self {
        match error {
            CurveError::LowOrder => Self::LowOrder,
            _ => Self::IdentityLength,
        }
    }
}

/// A code of eight characters, the password of both wrapped keys.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkCode(Secret<8>);

impl LinkCode {
    /// The code for five random bytes: five bits a character, from the most significant on.
    #[must_use]
    pub fn from_random(bytes: [u8; 5]) -> Self {
        Self(Secret::new(characters(bytes)))
    }

    /// A code chosen by the application; small letters are raised.
    ///
    /// # Errors
    /// [`LinkCodeError::Code`] unless it is eight characters of the alphabet (no 0, I, O, U, no dash).
    pub fn custom(text: &str) -> Result<Self, LinkCodeError> {
        let mut code: [u8; 8] = text.as_bytes().try_into().map_err(|_| LinkCodeError::Code)?;
        code.make_ascii_uppercase();
        if !code.iter().all(|byte| ALPHABET.contains(byte)) {
            return Err(LinkCodeError::Code);
        }
        Ok(Self(Secret::new(code)))
    }

    /// The code as it is shown: `XXXX-XXXX`.
    #[must_use]
    pub fn shown(&self) -> String {
        dashed(self.0.expose())
    }

    /// The eight characters.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.expose().iter().map(|&byte| char::from(byte)).collect()
    }

    /// The key that both sides derive from the code. Takes some tens of milliseconds on purpose.
    #[must_use]
    pub fn key(&self, salt: &[u8; 32]) -> Secret<32> {
        kdf::pbkdf2(self.0.expose(), salt, ROUNDS)
    }

    /// Hides a public key under the code: `salt || iv || AES-256-CTR`, 80 bytes. Nothing protects it from
    /// being altered.
    #[must_use]
    pub fn wrap(&self, public: &PublicKey, salt: &[u8; 32], iv: &[u8; 16]) -> [u8; LINK_CODE_WRAPPED_BYTES] {
        let mut key = *public.as_bytes();
        cbc::apply_ctr(self.key(salt).expose(), iv, &mut key);
        let mut out = [0; LINK_CODE_WRAPPED_BYTES];
        let (head, tail) = out.split_at_mut(32);
        head.copy_from_slice(salt);
        let (middle, tail) = tail.split_at_mut(16);
        middle.copy_from_slice(iv);
        tail.copy_from_slice(&key);
        out
    }

    /// Reads a key that was hidden under the same code. With another code the key is just another one.
    ///
    /// # Errors
    /// [`LinkCodeError::WrappedLength`].
    pub fn unwrap(&self, wrapped: &[u8]) -> Result<PublicKey, LinkCodeError> {
        let wrapped: &[u8; LINK_CODE_WRAPPED_BYTES] =
            wrapped.try_into().map_err(|_| LinkCodeError::WrappedLength)?;
        let parts = wrapped.split_first_chunk::<32>().and_then(|(salt, rest)| {
            let (iv, key) = rest.split_first_chunk::<16>()?;
            Some((salt, iv, <[u8; 32]>::try_from(key).ok()?))
        });
        let (salt, iv, mut key) = parts.ok_or(LinkCodeError::WrappedLength)?;
        cbc::apply_ctr(self.key(salt).expose(), iv, &mut key);
        Ok(PublicKey::new(key))
    }
}

impl fmt::Debug for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkCode(..)")
    }
}

/// Fresh random bytes for one [`finish`].
#[derive(Clone, Copy)]
pub struct FinishRandom {
    /// Salt of the bundle's key.
    pub salt: [u8; 32],
    /// Nonce of the bundle.
    pub nonce: [u8; 12],
    /// The companion's share of the new secret.
    pub share: [u8; 32],
}

impl fmt::Debug for FinishRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FinishRandom(..)")
    }
}

/// What the companion sends and keeps when the phone has entered the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Both identities and our share, for the phone only: `salt || nonce || AES-256-GCM`, 156 bytes.
    pub wrapped_bundle: Vec<u8>,
    /// The new pairing secret. It must be durable before the bundle is sent.
    pub adv_secret: Secret<32>,
}

/// Answers the phone's hello. Reference 02 §3.3.
///
/// `ephemeral` is the pair whose public half was wrapped for the phone, `wrapped` and `primary` are what the
/// phone sent: its own wrapped ephemeral key and its identity key.
///
/// # Errors
/// [`LinkCodeError::WrappedLength`], [`LinkCodeError::IdentityLength`] or [`LinkCodeError::LowOrder`].
pub fn finish(
    code: &LinkCode,
    ephemeral: &KeyPair,
    identity: &KeyPair,
    wrapped: &[u8],
    primary: &[u8],
    random: &FinishRandom,
) -> Result<Finish, LinkCodeError> {
    let primary = PublicKey::from_raw(primary)?;
    let shared = ephemeral.private.agree(&code.unwrap(wrapped)?)?;
    let identities = identity.private.agree(&primary)?;

    let key = kdf::hkdf::<32>(shared.expose(), Some(&random.salt), BUNDLE_INFO);
    let text = joined([identity.public.as_bytes(), primary.as_bytes(), &random.share]);
    let sealed = Gcm::new(key.expose()).seal(&random.nonce, &[], &text)?;
    let wrapped_bundle = [random.salt.as_slice(), &random.nonce, &sealed].concat();

    let secrets = joined([shared.expose(), identities.expose(), &random.share]);
    let adv_secret = kdf::hkdf(&secrets, None, ADV_SECRET_INFO);
    Ok(Finish { wrapped_bundle, adv_secret })
}

/// The digits of a phone number in international form, without separators or plus sign.
///
/// # Errors
/// [`LinkCodeError::NumberTooShort`], [`LinkCodeError::NumberTooLong`] or
/// [`LinkCodeError::NumberNotInternational`].
pub fn phone_number(text: &str) -> Result<String, LinkCodeError> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        ..7 => Err(LinkCodeError::NumberTooShort),
        NUMBER_DIGITS_OVER.. => Err(LinkCodeError::NumberTooLong),
        _ if digits.starts_with('0') => Err(LinkCodeError::NumberNotInternational),
        _ => Ok(digits),
    }
}

/// Checks that a name to display is like `Browser (OS)`, of 1 to 100 characters: the server refuses others.
///
/// # Errors
/// [`LinkCodeError::Display`].
pub fn check_display(text: &str) -> Result<(), LinkCodeError> {
    let parts = text.strip_suffix(')').and_then(|rest| rest.split_once(" ("));
    match parts {
        Some((browser, os)) if !browser.is_empty() && !os.is_empty() && text.chars().count() <= 100 => Ok(()),
        _ => Err(LinkCodeError::Display),
    }
}

/// One code that waits for the phone: the guards of Reference 02 §3.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The server's reference, once it has answered the hello.
    pub reference: Option<Vec<u8>>,
    /// How often a phone has used the code.
    pub hellos: u32,
}

/// What to do about a phone's hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloVerdict {
    /// Answer it, and count it.
    Accept,
    /// Not for us, malformed, or too late: as if it had not come. It does not count.
    Ignore,
    /// One too many: give the code up.
    Abandon,
}

impl Attempt {
    /// Judges a hello under `reference` with parts of these lengths, `age` after the code was first sent.
    #[must_use]
    pub fn judge(&self, reference: &[u8], wrapped: &[u8], identity: &[u8], age: Duration) -> HelloVerdict {
        let ours = self.reference.as_deref() == Some(reference);
        let shaped = wrapped.len() == LINK_CODE_WRAPPED_BYTES && identity.len() == 32;
        match (ours && shaped && age <= CODE_LIFETIME, self.hellos) {
            (false, _) => HelloVerdict::Ignore,
            (true, ..LINK_CODE_HELLOS_MAX) => HelloVerdict::Accept,
            (true, LINK_CODE_HELLOS_MAX..) => HelloVerdict::Abandon,
        }
    }
}

fn joined(parts: [&[u8; 32]; 3]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(parts.map(<[u8; 32]>::as_slice).concat())
}

/// Five bits a character, from the most significant on.
pub(super) fn characters(bytes: [u8; 5]) -> [u8; 8] {
    let bits = bytes.iter().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
    let mut out = [0; 8];
    for (place, character) in out.iter_mut().rev().enumerate() {
        let index = (bits >> (5 * place)) & 31;
        *character = ALPHABET.get(usize::try_from(index).unwrap_or_default()).copied().unwrap_or_default();
    }
    out
}

/// `XXXX-XXXX`.
pub(super) fn dashed(characters: &[u8; 8]) -> String {
    let (first, second) = characters.split_at(4);
    first.iter().chain(b"-").chain(second).map(|&byte| char::from(byte)).collect()
}

const ALPHABET: &[u8; 32] = b"123456789ABCDEFGHJKLMNPQRSTVWXYZ";
const ROUNDS: u32 = 131_072;
const BUNDLE_INFO: &[u8] = b"link_code_pairing_key_bundle_encryption_key";
const ADV_SECRET_INFO: &[u8] = b"adv_secret";
/// A JID's user has at most 15 digits; one more is refused.
const NUMBER_DIGITS_OVER: usize = 16;
/// How long a code may be entered, counted from before it was sent to the server.
pub const CODE_LIFETIME: Duration = Duration::from_secs(180);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;
    use crate::limits::LINK_CODE_BUNDLE_BYTES;

    #[test]
    fn numbers_need_a_country_code_and_a_plausible_length() {
        assert_eq!(phone_number("+1 (555) 000-1111").as_deref(), Ok("15550001111"));
        assert_eq!(phone_number("155500"), Err(LinkCodeError::NumberTooShort));
        assert_eq!(phone_number("01555000111"), Err(LinkCodeError::NumberNotInternational));
        assert_eq!(phone_number("1555000111122223"), Err(LinkCodeError::NumberTooLong));
    }

    #[test]
    fn display_names_look_like_browser_and_system() {
        assert_eq!(check_display("Chrome (Mac OS)"), Ok(()));
        for bad in ["", "Chrome", "Chrome ()", " (Linux)", "(Linux)"] {
            assert_eq!(check_display(bad), Err(LinkCodeError::Display), "{bad}");
        }
        assert_eq!(check_display(&format!("{} (Linux)", "x".repeat(93))), Err(LinkCodeError::Display));
    }

    #[test]
    fn codes_are_shown_with_a_dash_and_never_printed() {
        let code = LinkCode::custom("abcd1234").unwrap();
        assert_eq!((code.shown().as_str(), code.text().as_str()), ("ABCD-1234", "ABCD1234"));
        assert_eq!(format!("{code:?}"), "LinkCode(..)");
    }

    #[test]
    fn the_bundle_opens_for_the_phone_and_hides_both_identities() {
        let code = LinkCode::custom("ABCD1234").unwrap();
        let [ephemeral, identity, e_primary, i_primary] =
            [1, 2, 3, 4].map(|byte| KeyPair::from_private([byte; 32]));
        let wrapped = code.wrap(&e_primary.public, &[5; 32], &[6; 16]);
        let random = FinishRandom { salt: [7; 32], nonce: [8; 12], share: [9; 32] };
        let answer =
            finish(&code, &ephemeral, &identity, &wrapped, i_primary.public.as_bytes(), &random).unwrap();
        assert_eq!(answer.wrapped_bundle.len(), LINK_CODE_BUNDLE_BYTES);
        let shared = e_primary.private.agree(&ephemeral.public).unwrap();
        let key = kdf::hkdf::<32>(shared.expose(), Some(&[7; 32]), BUNDLE_INFO);
        let text = Gcm::new(key.expose()).open(&[8; 12], &[], &answer.wrapped_bundle[44..]).unwrap();
        assert_eq!(text, [*identity.public.as_bytes(), *i_primary.public.as_bytes(), [9; 32]].concat());
        let low = finish(&code, &ephemeral, &identity, &wrapped, &[0; 32], &random);
        assert_eq!(low, Err(LinkCodeError::LowOrder));
        let short = finish(&code, &ephemeral, &identity, &wrapped, &[1; 31], &random);
        assert_eq!(short, Err(LinkCodeError::IdentityLength));
    }

    #[test]
    fn hellos_are_ignored_unless_they_fit_and_the_fourth_ends_the_code() {
        let now = Duration::from_secs(10);
        let wrapped = [0; LINK_CODE_WRAPPED_BYTES];
        let mut attempt = Attempt { reference: None, hellos: 0 };
        assert_eq!(attempt.judge(b"r", &wrapped, &[0; 32], now), HelloVerdict::Ignore);
        attempt.reference = Some(vec![b'r']);
        assert_eq!(attempt.judge(b"r", &wrapped, &[0; 32], now), HelloVerdict::Accept);
        assert_eq!(attempt.judge(b"q", &wrapped, &[0; 32], now), HelloVerdict::Ignore);
        assert_eq!(attempt.judge(b"r", &wrapped[1..], &[0; 32], now), HelloVerdict::Ignore);
        assert_eq!(attempt.judge(b"r", &wrapped, &[0; 33], now), HelloVerdict::Ignore);
        assert_eq!(
            attempt.judge(b"r", &wrapped, &[0; 32], Duration::from_millis(180_001)),
            HelloVerdict::Ignore
        );
        attempt.hellos = LINK_CODE_HELLOS_MAX;
        assert_eq!(attempt.judge(b"r", &wrapped, &[0; 32], now), HelloVerdict::Abandon);
    }
}
