//! Somebody with a client: what a careful application does with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use futures_lite::future::or;
use sanswire::content::Content;
use sanswire::crypto::PublicKey;
use sanswire::event::{Envelope, Event, LinkEvent, Received, SendProgress, SendState};
use sanswire::messaging::{MarkRead, SendMessage};
use sanswire::wire::OwnedJid;
use sanswire::{Client, Config};
use sanswire_driver::{Driver, DriverError, Handle, Queue};
use sanswire_sim::serve::Running as Server;
use sanswire_store::SqliteStore;

use super::transcript::Tick;
use crate::failure::Failure;

/// The runtime that a client runs on.
#[derive(Clone, Copy)]
pub(super) enum On {
    Tokio,
    Smol,
}

/// One person, one account, one file; the client comes and goes.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) on: On,
    /// Own address, once paired.
    pub(super) jid: Option<OwnedJid>,
    /// Every message that was shown, in order, with its id.
    pub(super) shown: Vec<(String, String)>,
    file: PathBuf,
    config: Config,
    running: Option<Running>,
    received: BTreeMap<String, OwnedJid>,
    ticks: BTreeMap<String, Tick>,
    confirms: bool,
}

/// A client on a thread and a runtime of its own.
struct Running {
    handle: Handle,
    drop_it: Arc<Queue<()>>,
    thread: JoinHandle<Option<Result<(), DriverError>>>,
}

impl Person {
    pub(super) fn new(name: &'static str, on: On, file: PathBuf, server: &Server) -> Self {
        let mut config = Config::default();
        config.target.url = server.url();
        config.trust.root = PublicKey::new(server.cert_root());
        config.profile.push_name = Some(name.to_owned());
        Self {
            name,
            on,
            jid: None,
            shown: Vec::new(),
            file,
            config,
            running: None,
            received: BTreeMap::new(),
            ticks: BTreeMap::new(),
            confirms: true,
        }
    }

    /// Starts a client over the file.
    pub(super) fn start(&mut self) -> Result<(), Failure> {
        let store = SqliteStore::open(&self.file).map_err(DriverError::from)?;
        let (driver, handle) = Driver::open(self.config.clone(), store)?;
        let drop_it = Arc::new(Queue::new());
        let thread = std::thread::spawn({
            let (on, drop_it) = (self.on, Arc::clone(&drop_it));
            move || run(driver, on, &drop_it)
        });
        self.running = Some(Running { handle, drop_it, thread });
        self.confirms = true;
        Ok(())
    }

    /// Ends the client in good order.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        self.client()?.shutdown().await;
        self.end()
    }

    /// Drops the client where it stands.
    pub(super) async fn crash(&mut self) -> Result<(), Failure> {
        let handle = self.client()?;
        if let Some(running) = &self.running {
            running.drop_it.close();
        }
        handle.over().await;
        self.end()
    }

    /// The text of the code to scan.
    pub(super) async fn qr_code(&mut self) -> Result<String, Failure> {
        self.until(|_, event| match event {
            Event::Link(LinkEvent::QrCode { text, .. }) => Some(text.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until the phone has linked this device and it is logged in.
    pub(super) async fn paired(&mut self) -> Result<(), Failure> {
        let pn = self.until(|_, event| match event {
            Event::Link(LinkEvent::Paired { pn, .. }) => Some(pn.clone()),
            _ => None,
        });
        self.jid = Some(pn.await?);
        self.ready().await
    }

    /// Waits until it is logged in.
    pub(super) async fn ready(&mut self) -> Result<(), Failure> {
        self.until(|_, event| matches!(event, Event::Link(LinkEvent::Ready)).then_some(())).await
    }

    /// Sends a text; the id, once the server has taken it.
    pub(super) async fn send(&mut self, to: &Self, text: &str) -> Result<String, Failure> {
        let call = self.client()?.call(message(to, text)?);
        let sent =
            call.await.map_err(|error| Failure::Demo(format!("{} cannot send: {error}", self.name)))?;
        self.ticks.insert(sent.id.clone(), Tick::Server);
        Ok(sent.id)
    }

    /// Asks to send a text and waits no longer than until it is durable; the id.
    pub(super) async fn begin_to_send(&mut self, to: &Self, text: &str) -> Result<String, Failure> {
        let call = self.client()?.call(message(to, text)?).id();
        self.until(|_, event| match event {
            Event::Send(progress) if progress.call == Some(call) => Some(progress.id.clone()),
            _ => None,
        })
        .await
    }

    /// Whether events that were dealt with are left unconfirmed, as by an application that is about to crash.
    pub(super) const fn forgets_to_confirm(&mut self, forgets: bool) {
        self.confirms = !forgets;
    }

    /// Waits for a message.
    pub(super) async fn sees(&mut self, id: &str) -> Result<(), Failure> {
        if self.received.contains_key(id) {
            return Ok(());
        }
        self.until(|person, _| person.received.contains_key(id).then_some(())).await
    }

    /// Waits for a message and tells its sender that it was read.
    pub(super) async fn reads(&mut self, id: &str) -> Result<(), Failure> {
        self.sees(id).await?;
        let Some(chat) = self.received.get(id).cloned() else { return Err(Failure::Ended) };
        let read = self.client()?.call(MarkRead { chat, ids: vec![id.to_owned()], sender: None });
        read.await.map_err(|error| Failure::Demo(format!("{} cannot mark as read: {error}", self.name)))
    }

    /// Waits until an own message has come so far.
    pub(super) async fn knows(&mut self, id: &str, tick: Tick) -> Result<(), Failure> {
        let far_enough = |person: &Self| person.ticks.get(id).is_some_and(|known| *known >= tick);
        if far_enough(self) {
            return Ok(());
        }
        self.until(|person, _| far_enough(person).then_some(())).await
    }

    /// Takes events until one of them is what is waited for.
    async fn until<T>(&mut self, mut found: impl FnMut(&Self, &Event) -> Option<T>) -> Result<T, Failure> {
        let client = self.client()?;
        while let Some(envelope) = client.next_event().await {
            self.take(&envelope)?;
            if self.confirms {
                client.seen(envelope.id);
            }
            if let Some(found) = found(self, &envelope.event) {
                return Ok(found);
            }
        }
        self.end()?;
        Err(Failure::Ended)
    }

    fn take(&mut self, envelope: &Envelope) -> Result<(), Failure> {
        let fail = |what: String| Err(Failure::Demo(format!("{}: {what}", self.name)));
        match &envelope.event {
            Event::Message(message) => self.show(message, envelope.repeated),
            Event::Send(progress) => return self.note(progress),
            Event::Undecryptable(message) => {
                return fail(format!("cannot read {}: {}", message.id, message.error));
            }
            Event::Fault { error, stanza } => {
                return fail(format!("{error} in {}", stanza.as_deref().unwrap_or("storage")));
            }
            Event::Link(LinkEvent::PairingFailed { error }) => {
                return fail(format!("pairing failed: {error}"));
            }
            Event::Link(event) => {
                if let Some(failure) = Failure::of(event) {
                    return fail(failure.to_string());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A message that comes again after a crash is not shown again; one that comes twice otherwise is.
    fn show(&mut self, message: &Received, repeated: bool) {
        let known = self.received.insert(message.id.clone(), message.chat.clone()).is_some();
        if let Content::Text(text) = &message.content
            && !(known && repeated)
        {
            self.shown.push((message.id.clone(), text.body.clone()));
        }
    }

    fn note(&mut self, progress: &SendProgress) -> Result<(), Failure> {
        let tick = match &progress.state {
            SendState::Acked { .. } => Tick::Server,
            SendState::Delivered { .. } => Tick::Delivered,
            SendState::Read { .. } => Tick::Read,
            SendState::Failed { error } => {
                return Err(Failure::Demo(format!("{}: message {} failed: {error}", self.name, progress.id)));
            }
            _ => Tick::Waiting,
        };
        let known = self.ticks.entry(progress.id.clone()).or_insert(tick);
        *known = tick.max(*known);
        Ok(())
    }

    fn client(&self) -> Result<Handle, Failure> {
        self.running.as_ref().map(|running| running.handle.clone()).ok_or(Failure::Ended)
    }

    /// Collects what is left of a client that is over.
    fn end(&mut self) -> Result<(), Failure> {
        let Some(running) = self.running.take() else { return Ok(()) };
        match running.thread.join() {
            Ok(Some(ended)) => Ok(ended?),
            Ok(None) => Ok(()),
            Err(_) => Err(Failure::Ended),
        }
    }
}

fn message(to: &Person, text: &str) -> Result<SendMessage, Failure> {
    let jid = to.jid.as_ref().ok_or(Failure::Ended)?;
    Ok(SendMessage::text(jid.bare().into_owned(), text))
}

/// Runs a client until it ends by itself; `None` when it was dropped.
fn run(driver: Driver<Client, SqliteStore>, on: On, drop_it: &Queue<()>) -> Option<Result<(), DriverError>> {
    let dropped = async {
        drop_it.closed().await;
        None
    };
    match on {
        On::Smol => {
            let running = async { Some(sanswire_smol::run(driver, sanswire_smol::Tls::default()).await) };
            smol::block_on(or(running, dropped))
        }
        On::Tokio => {
            let running = async { Some(sanswire_tokio::run(driver, sanswire_tokio::Tls::default()).await) };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(or(running, dropped))
        }
    }
}
