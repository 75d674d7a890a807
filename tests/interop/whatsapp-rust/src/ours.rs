//! One account driven by our own command, one process after the other on the same store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::command::{Running, Server, bare};
use crate::journal::Journal;
use crate::said::{Said, chosen, is_vote};
use crate::{LIMIT, Outcome};

/// The account. A store belongs to one process at a time: listening or sending.
pub(crate) struct Ours {
    name: String,
    folder: PathBuf,
    server: [String; 4],
    /// Its address, once paired.
    pub(crate) jid: String,
    /// The same with the device.
    pub(crate) device: String,
    /// Events of every listening process, in order, and a [`RESTORED`] wherever its storage went back in time.
    events: Arc<Journal<Value>>,
    listening: Option<Running>,
    talking: Option<Talking>,
    /// Recordings of its processes, in order.
    recordings: PathBuf,
    recorded: Vec<PathBuf>,
}

/// A process that sends and listens: `sanswire rpc`.
struct Talking {
    process: Running,
    requests: UnboundedSender<Value>,
    answers: Arc<Journal<Value>>,
    asked: u64,
}

impl Ours {
    /// Its storage lies in this folder.
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
            talking: None,
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

    /// Starts a process that listens, and that everything which is sent from now on goes through.
    pub(crate) fn talk(&mut self, scenario: &str) -> Outcome {
        let (requests, waiting) = unbounded_channel();
        let (events, answers) = (Arc::clone(&self.events), Arc::new(Journal::new(&self.name)));
        // The process ends when nobody is left who could ask: this one must not keep it alive.
        let (confirm, answered) = (requests.downgrade(), Arc::clone(&answers));
        let take = move |line: &str| {
            let Ok(mut message) = serde_json::from_str::<Value>(line) else { return };
            if message["method"] != "event" {
                return answered.push(message);
            }
            let event = message["params"].take();
            let seen = json!({ "jsonrpc": "2.0", "method": "seen", "params": { "id": event["id"] } });
            // Confirmed first: whoever has seen the event may stop the process at once.
            if let Some(confirm) = confirm.upgrade() {
                let _ = confirm.send(seen);
            }
            events.push(event);
        };
        let arguments = self.arguments(scenario, "rpc", &[])?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut process = Running::start_with_input(&format!("{} rpc", self.name), &arguments, take)?;
        tokio::spawn(write(process.take_input()?, waiting));
        self.talking = Some(Talking { process, requests, answers, asked: 0 });
        Ok(())
    }

    pub(crate) fn is_awake(&self) -> bool {
        self.listening.is_some() || self.talking.is_some()
    }

    pub(crate) async fn stop(&mut self) -> Outcome {
        if let Some(Talking { process, requests, .. }) = self.talking.take() {
            drop(requests);
            process.success(LIMIT).await?;
            return Ok(());
        }
        self.listening.take().ok_or("not listening")?.stop().await
    }

    /// Ends the listening process without warning.
    pub(crate) async fn kill(&mut self) -> Outcome {
        self.listening.take().ok_or("not listening")?.kill().await
    }

    /// Keeps a copy of its storage, while no process of it runs.
    pub(crate) fn copy_store(&self) -> Outcome {
        std::fs::copy(self.store(""), self.store(".copy"))?;
        Ok(())
    }

    /// Puts the copy back, as somebody does who restores a backup: what happened since then is forgotten.
    pub(crate) fn put_back_store(&self) -> Outcome {
        for more in ["-wal", "-shm"] {
            let path = self.store(more);
            if path.exists() {
                std::fs::remove_file(path)?;
            }
        }
        std::fs::copy(self.store(".copy"), self.store(""))?;
        self.events.push(json!({ RESTORED: true }));
        Ok(())
    }

    /// Calls an operation of the talking process; what it answered.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Outcome<Value> {
        let talking = self.talking.as_mut().ok_or("not talking")?;
        talking.asked += 1;
        let asked = talking.asked;
        let request = json!({ "jsonrpc": "2.0", "id": asked, "method": method, "params": params });
        talking.requests.send(request)?;
        let find = |answers: &[Value]| answers.iter().find(|answer| answer["id"] == asked).cloned();
        let answer = talking.answers.until(&format!("answer to {method}"), LIMIT, find).await?;
        match answer.get("error") {
            None => Ok(answer["result"].clone()),
            Some(error) => Err(format!("{}: {method}: {error}", self.name).into()),
        }
    }

    /// Sends content through the talking process; the message's id.
    pub(crate) async fn send_content(&mut self, to: &str, content: Value) -> Outcome<String> {
        let sent = self.call("message.send", json!({ "to": to, "content": content })).await?;
        Ok(sent["id"].as_str().ok_or("a message without id")?.to_owned())
    }

    /// Sends a text, if nothing is talking from a process of its own; the message's id.
    pub(crate) async fn send(&mut self, scenario: &str, to: &str, text: &str) -> Outcome<String> {
        if self.talking.is_some() {
            return self.send_content(to, json!({ "text": { "body": text } })).await;
        }
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

    pub(crate) async fn shows(&self, said: &Said) -> Outcome {
        let shown = |events: &[Value]| {
            events.iter().any(|event| Said::by_ours(event).as_ref() == Some(said)).then_some(())
        };
        self.events.until(&format!("{said:?}"), LIMIT, shown).await
    }

    /// Waits until a device of this account has confirmed the message, or somebody read it.
    pub(crate) async fn confirmed(&self, id: &str, read: bool, by: &[String]) -> Outcome {
        let state = if read { "read" } else { "delivered" };
        let confirms = |event: &Value| {
            let send = &event["event"]["send"];
            let who = send["state"][state]["by"].as_str();
            send["id"] == id && who.is_some_and(|who| by.is_empty() || by.contains(&bare(who)))
        };
        let confirmed = |events: &[Value]| events.iter().any(confirms).then_some(());
        self.events.until(&format!("{state}: {id} by {by:?}"), LIMIT, confirmed).await
    }

    /// Waits for a change of this kind in the group.
    pub(crate) async fn group_changes(&self, group: &str, change: &str) -> Outcome {
        let is = |event: &Value| {
            let event = &event["event"]["group"];
            event["group"] == group && event["change"].get(change).is_some()
        };
        let changed = |events: &[Value]| events.iter().any(is).then_some(());
        self.events.until(&format!("{change} in {group}"), LIMIT, changed).await
    }

    /// Tells the sender of a message that the user read it.
    pub(crate) async fn read(&mut self, id: &str) -> Outcome {
        let message = self.message(id)?;
        let mut params = json!({ "chat": message["chat"], "ids": [id] });
        if message["chat"].as_str().is_some_and(|chat| chat.ends_with("@g.us")) {
            params["sender"] = bare(message["sender"].as_str().unwrap_or_default()).into();
        }
        self.call("message.mark_read", params).await?;
        Ok(())
    }

    /// Names a message that it was shown, for content about it.
    pub(crate) fn key_of(&self, id: &str) -> Outcome<Value> {
        let message = self.message(id)?;
        let mut key = json!({ "id": id });
        if message["chat"].as_str().is_some_and(|chat| chat.ends_with("@g.us")) {
            key["sender"] = bare(message["sender"].as_str().unwrap_or_default()).into();
        }
        Ok(key)
    }

    /// What the last vote in a poll chose.
    pub(crate) fn chosen(&self, poll: &str, options: &[String]) -> Outcome<Vec<String>> {
        let hashes = self.events.read(|events| {
            let votes = |event: &&Value| Said::by_ours(event).is_some_and(|said| is_vote(&said, poll));
            let vote = events.iter().rfind(votes)?;
            Some(
                vote["event"]["message"]["content"]["poll_vote"]["hashes"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default(),
            )
        });
        let decode = |hash: &Value| Ok(BASE64_STANDARD.decode(hash.as_str().unwrap_or_default())?);
        let hashes: Outcome<Vec<Vec<u8>>> = hashes.ok_or("nobody voted")?.iter().map(decode).collect();
        chosen(options, &hashes?)
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

    /// What was said to it in the order in which it was shown. An event that comes again after a crash keeps its
    /// id: it is the same showing.
    pub(crate) fn said(&self) -> Vec<Said> {
        let (mut known, mut lives) = (BTreeSet::new(), 0);
        self.events.read(|events| {
            let mut shown = Vec::new();
            for event in events {
                lives += u32::from(event.get(RESTORED).is_some());
                if let (Some(id), Some(said)) = (event["id"].as_u64(), Said::by_ours(event))
                    && known.insert((lives, id))
                {
                    shown.push(said);
                }
            }
            shown
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

    fn message(&self, id: &str) -> Outcome<Value> {
        let found = |events: &[Value]| {
            events.iter().map(|event| &event["event"]["message"]).find(|message| message["id"] == id).cloned()
        };
        Ok(self.events.read(found).ok_or_else(|| format!("{} was shown no {id}", self.name))?)
    }

    fn run(
        &mut self,
        scenario: &str,
        command: &str,
        rest: &[&str],
        tee: impl Fn(&str) + Send + 'static,
    ) -> Outcome<Running> {
        let arguments = self.arguments(scenario, command, rest)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Running::start(&format!("{} {command}", self.name), &arguments, tee)
    }

    fn arguments(&mut self, scenario: &str, command: &str, rest: &[&str]) -> Outcome<Vec<String>> {
        let store = self.store("").display().to_string();
        let mut arguments = vec![command.to_owned(), "--store".to_owned(), store];
        arguments.extend(self.server.clone());
        for folder in [&self.folder, &self.recordings] {
            std::fs::create_dir_all(folder)?;
        }
        let number = RECORDINGS.fetch_add(1, Ordering::Relaxed) + 1;
        let recording = self.recordings.join(format!("{scenario}-{number}.swrec"));
        arguments.extend(["--record".to_owned(), recording.display().to_string()]);
        self.recorded.push(recording);
        arguments.extend(rest.iter().map(|&argument| argument.to_owned()));
        Ok(arguments)
    }

    fn store(&self, more: &str) -> PathBuf {
        self.folder.join(format!("{}.db{more}", self.name))
    }
}

/// Writes lines until nobody asks any more, or the reader is gone.
async fn write(mut input: ChildStdin, mut requests: UnboundedReceiver<Value>) {
    while let Some(request) = requests.recv().await {
        if input.write_all(format!("{request}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Marks among the events that storage was put back.
const RESTORED: &str = "restored";
/// Recordings so far, of all accounts: they may go to one folder.
static RECORDINGS: AtomicUsize = AtomicUsize::new(0);
