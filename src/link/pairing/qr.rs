//! The text of a pairing QR code, written and read. Reference 02 §2.2.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding};
use thiserror::Error;

use crate::crypto::{PublicKey, Secret};

/// What a QR code hands to the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrCode {
    /// The server's reference to the waiting connection: opaque, without commas.
    pub reference: String,
    /// The companion's noise key.
    pub noise: PublicKey,
    /// The companion's Signal identity key.
    pub identity: PublicKey,
    /// The secret that authenticates the phone's answer. It must be the current one each time the code is
    /// shown: a refresh or a link code replaces it.
    pub adv_secret: Secret<32>,
    /// One character for the kind of client; codes of old clients have none.
    pub client_type: Option<String>,
}

impl QrCode {
    /// The text to show, in its URL form.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::from(PREFIX);
        out.push_str(&self.reference);
        for key in [self.noise.as_bytes(), self.identity.as_bytes(), self.adv_secret.expose()] {
            out.push(',');
            out.push_str(&Base64::encode_string(key));
        }
        if let Some(kind) = &self.client_type {
            out.push(',');
            out.push_str(kind);
        }
        out
    }

    /// Reads a scanned text: the URL form or the bare fields, with or without a client type.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, QrError> {
        let fields: Vec<&str> = text.strip_prefix(PREFIX).unwrap_or(text).split(',').collect();
        let [reference, noise, identity, adv_secret, rest @ ..] = fields.as_slice() else {
            return Err(QrError::TooFewFields);
        };
        if fields.iter().any(|field| field.is_empty()) {
            return Err(QrError::EmptyField);
        }
        Ok(Self {
            reference: (*reference).to_string(),
            noise: PublicKey::new(key(noise)?),
            identity: PublicKey::new(key(identity)?),
            adv_secret: Secret::new(key(adv_secret)?),
            client_type: rest.first().map(ToString::to_string),
        })
    }
}

/// Shows no part of the secret: use [`QrCode::text`] for that.
impl fmt::Display for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pairing code {}", self.reference)
    }
}

/// Why a text is not a pairing code.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum QrError {
    /// Fewer than four fields.
    #[error("pairing code has fewer than four fields")]
    TooFewFields,
    /// A field has no characters.
    #[error("pairing code has an empty field")]
    EmptyField,
    /// A key is not padded standard base64.
    #[error("key in pairing code is not base64")]
    Base64,
    /// A key is not 32 bytes long.
    #[error("key in pairing code is not 32 bytes")]
    KeyLength,
}

impl QrError {
    /// The name of the error's class. Reference 02 §9.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::TooFewFields => "too_few_fields",
            Self::EmptyField => "empty_field",
            Self::Base64 => "base64",
            Self::KeyLength => "key_length",
        }
    }
}

fn key(field: &str) -> Result<[u8; 32], QrError> {
    let bytes = Base64::decode_vec(field).map_err(|_| QrError::Base64)?;
    bytes.as_slice().try_into().map_err(|_| QrError::KeyLength)
}

const PREFIX: &str = "https://wa.me/settings/linked_devices#";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use alloc::format;

    use super::*;

    fn code(client_type: Option<&str>) -> QrCode {
        QrCode {
            reference: "2@abc".to_string(),
            noise: PublicKey::new([1; 32]),
            identity: PublicKey::new([2; 32]),
            adv_secret: Secret::new([3; 32]),
            client_type: client_type.map(ToString::to_string),
        }
    }

    #[test]
    fn every_form_reads_back() {
        for kind in [None, Some("1"), Some("e")] {
            let code = code(kind);
            let url = code.text();
            assert_eq!(QrCode::parse(&url).unwrap(), code);
            assert_eq!(QrCode::parse(url.strip_prefix(PREFIX).unwrap()).unwrap(), code);
        }
    }

    #[test]
    fn printing_a_code_shows_no_secret() {
        let secret = Base64::encode_string(&[3; 32]);
        let code = code(Some("1"));
        assert!(!format!("{code} {code:?}").contains(&secret));
        assert!(code.text().contains(&secret));
    }
}
