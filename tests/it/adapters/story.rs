//! Two real clients on one adapter, through the simulated server on a loopback socket, with files.

use core::sync::atomic::{AtomicU32, Ordering};
use std::path::PathBuf;

use futures_lite::future::block_on;
use sanswire::Config;
use sanswire::content::Content;
use sanswire::crypto::PublicKey;
use sanswire::event::{Event, LinkEvent, SendState};
use sanswire::messaging::SendMessage;
use sanswire::wire::OwnedJid;
use sanswire_driver::Driver;
use sanswire_sim::serve::{Running as Server, ServeOptions, serve};
use sanswire_sim::server::AdminRequest;
use sanswire_store::SqliteStore;

use super::{Running, Subject};

/// Both pair and talk; Ben crashes with a message on its way to him, comes back, and gets it once.
pub(crate) fn tell<A: Subject>(tls: bool) {
    let server =
        serve("127.0.0.1:0".parse().unwrap(), ServeOptions { tls, ..ServeOptions::default() }).unwrap();
    let folder = Folder::new();
    let mut anna = Person::new("anna", &folder, &server, tls);
    let mut ben = Person::new("ben", &folder, &server, tls);
    for person in [&mut anna, &mut ben] {
        person.start::<A>();
        person.pair(&server);
    }
    anna.sends(&ben, "one");
    assert_eq!(ben.hears(), ("one".to_owned(), false));
    ben.sends(&anna, "two");
    assert_eq!(anna.hears(), ("two".to_owned(), false));

    // Ben has not confirmed what he heard: it comes again, and says so.
    ben.running.take().unwrap().crash();
    anna.sends(&ben, "three");
    ben.start::<A>();
    assert_eq!(ben.hears(), ("one".to_owned(), true));
    assert_eq!(ben.hears(), ("three".to_owned(), false));
    anna.until(|event| match event {
        Event::Send(progress) => matches!(progress.state, SendState::Delivered { .. }).then_some(()),
        _ => None,
    });
    ben.sends(&anna, "four");
    assert_eq!(anna.hears(), ("four".to_owned(), false));
    for mut person in [anna, ben] {
        person.running.take().unwrap().shut_down();
    }
    let violations = server.admin(AdminRequest::Violations).body;
    assert_eq!(violations["violations"].as_array().unwrap().len(), 0, "{violations}");
    server.shutdown();
}

struct Person {
    config: Config,
    roots: Option<Vec<u8>>,
    file: PathBuf,
    jid: Option<OwnedJid>,
    running: Option<Running>,
}

impl Person {
    fn new(name: &str, folder: &Folder, server: &Server, tls: bool) -> Self {
        let mut config = Config::default();
        config.target.url = server.url();
        config.trust.root = PublicKey::new(server.cert_root());
        config.profile.push_name = Some(name.to_owned());
        let roots = tls.then(|| server.tls_root().as_bytes().to_vec());
        Self { config, roots, file: folder.0.join(name), jid: None, running: None }
    }

    fn start<A: Subject>(&mut self) {
        let driver = Driver::open(self.config.clone(), SqliteStore::open(&self.file).unwrap()).unwrap();
        self.running = Some(Running::over::<A, _, _>(driver, self.roots.clone()));
    }

    fn pair(&mut self, server: &Server) {
        let code = self.until(|event| match event {
            Event::Link(LinkEvent::QrCode { text, .. }) => Some(text.clone()),
            _ => None,
        });
        assert_eq!(server.admin(AdminRequest::ScanQr(code)).status, 200);
        let jid = self.until(|event| match event {
            Event::Link(LinkEvent::Paired { pn, .. }) => Some(pn.clone()),
            _ => None,
        });
        self.jid = Some(jid.bare().into_owned());
        self.until(|event| matches!(event, Event::Link(LinkEvent::Ready)).then_some(()));
    }

    fn sends(&self, to: &Self, text: &str) {
        let message = SendMessage::text(to.jid.clone().unwrap(), text);
        block_on(self.running.as_ref().unwrap().handle.call(message)).unwrap();
    }

    /// The next text, and whether it may have been heard before.
    fn hears(&self) -> (String, bool) {
        loop {
            let envelope = self.next();
            // The phone's own messages, such as history, are events as well.
            if let Event::Message(message) = envelope.event
                && let Content::Text(text) = message.content
            {
                return (text.body, envelope.repeated);
            }
        }
    }

    fn until<T>(&self, found: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            if let Some(found) = found(&self.next().event) {
                return found;
            }
        }
    }

    fn next(&self) -> sanswire::event::Envelope {
        block_on(self.running.as_ref().unwrap().handle.next_event()).expect("the client ended early")
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sanswire-story-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
