//! One account driven by our own command, one process after the other on the same store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::command::{Running, Server, bare};
use crate::journal::Journal;
use crate::{LIMIT, Outcome};

/// The account. A store belongs to one process at a time: listening or sending.
pub(crate) struct Ours {
    name: String,
    folder: PathBuf,
    server: [String; 4],
    /// Its address, once paired.
    pub(crate) jid: String,
    device: String,
    /// Events of every listening process, in order.
    events: Arc<Journal<Value>>,
    listening: Option<Running>,
    /// Recordings of its processes, in order.
    recordings: PathBuf,
    recorded: Vec<PathBuf>,
}

impl Ours {
    pub(crate) fn new(server: &Server, name: &str, folder: &Path) -> Self {
        let server = ["--server", &server.url, "--cert-root", &server.root].map(str::to_owned);
        Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            server,
            jid: String::new(),
            device: String::new(),
            events: Arc::new(Journal::new(name)),
            listening: None,
            recordings: std::env::var_os("SANSWIRE_RECORD").map_or_else(|| folder.to_owned(), PathBuf::from),
            recorded: Vec::new(),
        }
    }

    /// Pairs by the QR text that the command prints.
    pub(crate) async fn pair(&mut self, server: &Server, scenario: &str) -> Outcome {
        let name = self.name.clone();
        let pair = self.run(scenario, "pair", &["--plain", "--name", &name], |_| {})?;
        let code = |line: &String| (line.matches(',').count() >= 3).then(|| line.trim().to_owned());
        let qr = pair.lines.until("QR text", LIMIT, |lines| lines.iter().find_map(code)).await?;
        self.device = server.scan(&qr).await?;
        self.jid = bare(&self.device);
        pair.success(LIMIT).await?;
        Ok(())
    }

    /// Starts to listen; its events are kept over restarts.
    pub(crate) fn listen(&mut self, scenario: &str) -> Outcome {
        let events = Arc::clone(&self.events);
        let take = move |line: &str| {
            if let Ok(event) = serde_json::from_str(line) {
                events.push(event);
            }
        };
        self.listening = Some(self.run(scenario, "listen", &[], take)?);
        Ok(())
    }

    pub(crate) async fn stop(&mut self) -> Outcome {
        self.listening.take().ok_or("not listening")?.stop().await
    }

    /// Ends the listening process without warning.
    pub(crate) async fn kill(&mut self) -> Outcome {
        self.listening.take().ok_or("not listening")?.kill().await
    }

    /// Sends from a process of its own; the message's id.
    pub(crate) async fn send(&mut self, scenario: &str, to: &str, text: &str) -> Outcome<String> {
        let lines = self.run(scenario, "send", &[to, text], |_| {})?.success(LIMIT).await?;
        let id = lines.into_iter().rev().find(|line| !line.trim().is_empty());
        id.ok_or_else(|| format!("{} send printed no id", self.name).into())
    }

    /// Sends, but ends the process without warning after this time.
    pub(crate) async fn send_and_kill(
        &mut self,
        scenario: &str,
        to: &str,
        text: &str,
        after: Duration,
    ) -> Outcome {
        let sending = self.run(scenario, "send", &[to, text], |_| {})?;
        tokio::time::sleep(after).await;
        sending.kill().await
    }

    pub(crate) async fn receives(&self, text: &str) -> Outcome {
        let shown = |events: &[Value]| events.iter().any(|event| said(event) == Some(text)).then_some(());
        self.events.until(&format!("message “{text}”"), LIMIT, shown).await
    }

    /// Waits until a device of the recipient has confirmed the message.
    pub(crate) async fn delivered(&self, id: &str) -> Outcome {
        let confirms = |event: &Value| {
            let send = &event["event"]["send"];
            send["id"] == id && send["state"].get("delivered").is_some()
        };
        let confirmed = |events: &[Value]| events.iter().any(confirms).then_some(());
        self.events.until(&format!("delivery of {id}"), LIMIT, confirmed).await
    }

    /// Waits until a message could not be read at first.
    pub(crate) async fn undecryptable(&self, before: usize) -> Outcome {
        let broken = |event: &Value| event["event"].get("undecryptable").is_some();
        let found = |events: &[Value]| events.iter().skip(before).any(broken).then_some(());
        self.events.until("message that cannot be read", LIMIT, found).await
    }

    /// How many events there are so far.
    pub(crate) fn seen(&self) -> usize {
        self.events.len()
    }

    /// Texts in the order in which they were shown. An event that comes again after a crash keeps its id: it is
    /// the same showing.
    pub(crate) fn texts(&self) -> Vec<String> {
        let mut known = BTreeSet::new();
        self.events.read(|events| {
            let shown = events.iter().filter_map(|event| Some((event["id"].as_u64()?, said(event)?)));
            shown.filter(|(id, _)| known.insert(*id)).map(|(_, text)| text.to_owned()).collect()
        })
    }

    /// Is this the device that our command drives? A violation before the login names none: that may be ours.
    pub(crate) fn is(&self, device: &str) -> bool {
        device.is_empty() || device == self.device
    }

    /// What the client itself found wrong.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.events.read(|events| {
            let faults = events.iter().filter_map(|event| event["event"].get("fault"));
            faults.map(Value::to_string).collect()
        })
    }

    /// Tag and type of stanzas that the client acked without a meaning for them.
    pub(crate) fn unhandled(&self) -> Vec<String> {
        self.events.read(|events| {
            let stanzas = events.iter().filter_map(|event| event["event"]["unhandled"]["stanza"].as_str());
            let kind = |stanza: &str| {
                let words = stanza.split('>').next().unwrap_or(stanza).split(' ');
                let named = words.filter(|word| word.starts_with('<') || word.starts_with("type="));
                named.collect::<Vec<_>>().join(" ") + ">"
            };
            stanzas.map(kind).collect()
        })
    }

    /// Runs each recording again through a fresh client; how many there were. A process that died before it wrote
    /// any leaves none.
    pub(crate) async fn replay_all(&self) -> Outcome<usize> {
        let mut count = 0;
        for recording in &self.recorded {
            let written = std::fs::metadata(recording).is_ok_and(|file| file.len() > 0);
            if written {
                let path = recording.display().to_string();
                Running::start(&format!("replay {path}"), &["replay", &path], |_| {})?.success(LIMIT).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    fn run(
        &mut self,
        scenario: &str,
        command: &str,
        rest: &[&str],
        tee: impl Fn(&str) + Send + 'static,
    ) -> Outcome<Running> {
        let store = self.folder.join(format!("{}.db", self.name)).display().to_string();
        let mut arguments = vec![command.to_owned(), "--store".to_owned(), store];
        arguments.extend(self.server.clone());
        std::fs::create_dir_all(&self.recordings)?;
        let recording = self.recordings.join(format!("{scenario}-{}.swrec", self.recorded.len() + 1));
        arguments.extend(["--record".to_owned(), recording.display().to_string()]);
        self.recorded.push(recording);
        arguments.extend(rest.iter().map(|&argument| argument.to_owned()));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Running::start(&format!("{} {command}", self.name), &arguments, tee)
    }
}

/// The text of an event that shows one.
fn said(event: &Value) -> Option<&str> {
    event["event"]["message"]["content"]["text"]["body"].as_str()
}
