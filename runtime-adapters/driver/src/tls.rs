//! Whose certificates a server may show.

use core::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::runtime::ConnectError;

/// The certificate authorities that may vouch for a `wss` server: those of the web by default. The protocol
/// inside authenticates the server once more, by a chain of its own.
#[derive(Clone)]
pub struct Tls {
    roots: Arc<RootCertStore>,
}

/// A PEM text without any usable certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoots;

impl Tls {
    /// Trusts the certificates of a PEM text instead of the web's authorities.
    ///
    /// # Errors
    /// [`NoRoots`] when there is none in it that can be used.
    pub fn with_roots(pem: &[u8]) -> Result<Self, NoRoots> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(|_| NoRoots)?).map_err(|_| NoRoots)?;
        }
        if roots.is_empty() { Err(NoRoots) } else { Ok(Self { roots: Arc::new(roots) }) }
    }

    /// What a TLS library of this family connects with.
    ///
    /// # Errors
    /// [`ConnectError::Tls`] when the protocol versions cannot be had.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, ConnectError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ConnectError::Tls(error.to_string()))?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

impl Default for Tls {
    fn default() -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Self { roots: Arc::new(roots) }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("roots", &self.roots.len()).finish()
    }
}

impl fmt::Display for NoRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no usable certificate in the text")
    }
}

impl core::error::Error for NoRoots {}
