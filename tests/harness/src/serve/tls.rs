//! A certificate made at start, for clients that insist on TLS. Most verify nothing. Reference 14 §2.

use std::io;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use futures_rustls::TlsAcceptor;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Accepts TLS 1.2 and 1.3 with a fresh self-signed certificate for the loopback names, which is returned as
/// PEM for clients that verify.
pub(super) fn acceptor() -> io::Result<(TlsAcceptor, String)> {
    let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(io::Error::other)?;
    let body = Base64::encode_string(made.cert.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    Ok((TlsAcceptor::from(Arc::new(config)), pem))
}
