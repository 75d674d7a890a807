//! A WebSocket server on a loopback socket that follows a script.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use base64ct::{Base64, Encoding as _};
use bytes::Bytes;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::{Message, WebSocket, accept_hdr};

/// The server; each script serves one connection.
pub(crate) struct Peer {
    pub(crate) url: String,
    thread: JoinHandle<()>,
}

pub(crate) type Script = Box<dyn FnOnce(Socket) + Send>;

trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// One connection.
pub(crate) struct Socket {
    pub(crate) origin: String,
    inner: WebSocket<Box<dyn Stream>>,
}

impl Peer {
    pub(crate) fn start(script: impl FnOnce(Socket) + Send + 'static) -> Self {
        Self::start_many([Box::new(script) as Script])
    }

    pub(crate) fn start_many<const N: usize>(scripts: [Script; N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/ws/chat", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let sessions: Vec<_> = scripts
                .into_iter()
                .map(|script| {
                    let stream = listener.accept().unwrap().0;
                    std::thread::spawn(move || script(Socket::accept(Box::new(stream)).unwrap()))
                })
                .collect();
            drop(listener);
            sessions.into_iter().for_each(|session| session.join().unwrap());
        });
        Self { url, thread }
    }

    /// Speaks TLS with a fresh certificate, which is returned as PEM.
    pub(crate) fn start_tls(script: impl FnOnce(Socket) + Send + 'static) -> (Self, Vec<u8>) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("wss://{}/ws/chat", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let stream: TcpStream = listener.accept().unwrap().0;
            let tls = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
            // A client that does not trust us goes away before the upgrade.
            if let Some(socket) = Socket::accept(Box::new(tls)) {
                script(socket);
            }
        });
        let body = Base64::encode_string(made.cert.der());
        (
            Self { url, thread },
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").into_bytes(),
        )
    }

    /// Waits for the scripts to end, and fails if one of them did.
    pub(crate) fn join(self) {
        self.thread.join().unwrap();
    }
}

impl Socket {
    fn accept(stream: Box<dyn Stream>) -> Option<Self> {
        let mut origin = String::new();
        #[expect(clippy::result_large_err, reason = "the signature is the library's")]
        let note = |request: &Request, response: Response| {
            origin = request.headers().get("origin").unwrap().to_str().unwrap().to_owned();
            Ok(response)
        };
        let inner = accept_hdr(stream, note).ok()?;
        Some(Self { origin, inner })
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.inner.send(Message::Binary(Bytes::copy_from_slice(text.as_bytes()))).unwrap();
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.inner.send(Message::text(text)).unwrap();
    }

    /// The next binary message.
    pub(crate) fn receive(&mut self) -> String {
        match self.inner.read().unwrap() {
            Message::Binary(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Whether the next thing is the end of the connection, with or without a goodbye.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.inner.read() {
            Ok(Message::Close(_)) => self.inner.read().is_err(),
            Ok(_) => false,
            Err(_) => true,
        }
    }
}
