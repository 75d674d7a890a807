//! Processes of the `sanswire` command, and the simulated server that one of them is.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;

use crate::journal::Journal;
use crate::{Outcome, verbose};

/// A running `sanswire …`; it dies with this value.
pub(crate) struct Running {
    name: String,
    child: Child,
    /// Its standard input, of those that were started [with one](Self::start_with_input).
    input: Option<ChildStdin>,
    pub(crate) lines: Arc<Journal<String>>,
    pub(crate) errors: Arc<Journal<String>>,
    readers: [JoinHandle<()>; 2],
}

impl Running {
    /// Starts the command; its lines go to `lines` too, as they come.
    pub(crate) fn start(
        name: &str,
        arguments: &[&str],
        tee: impl Fn(&str) + Send + 'static,
    ) -> Outcome<Self> {
        Self::spawn(name, arguments, Stdio::null(), tee)
    }

    /// The same for a command that reads from its standard input.
    pub(crate) fn start_with_input(
        name: &str,
        arguments: &[&str],
        tee: impl Fn(&str) + Send + 'static,
    ) -> Outcome<Self> {
        Self::spawn(name, arguments, Stdio::piped(), tee)
    }

    /// Its standard input, once; it ends when this is dropped.
    pub(crate) fn take_input(&mut self) -> Outcome<ChildStdin> {
        Ok(self.input.take().ok_or("no standard input")?)
    }

    fn spawn(
        name: &str,
        arguments: &[&str],
        input: Stdio,
        tee: impl Fn(&str) + Send + 'static,
    ) -> Outcome<Self> {
        let mut child = Command::new(binary()?)
            .args(arguments)
            .env("NO_COLOR", "1")
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (out, err) = (child.stdout.take().ok_or("no stdout")?, child.stderr.take().ok_or("no stderr")?);
        let (lines, errors) = (Arc::new(Journal::new(name)), Arc::new(Journal::new(name)));
        let readers = [
            tokio::spawn(read_lines(out, name.to_owned(), Arc::clone(&lines), tee)),
            tokio::spawn(read_lines(err, format!("{name}!"), Arc::clone(&errors), |_| {})),
        ];
        Ok(Self { name: name.to_owned(), input: child.stdin.take(), child, lines, errors, readers })
    }

    /// Waits for the end and insists on exit status 0; the lines that it printed.
    pub(crate) async fn success(mut self, limit: Duration) -> Outcome<Vec<String>> {
        let status = tokio::time::timeout(limit, self.child.wait())
            .await
            .map_err(|_| format!("{} goes on after {} s", self.name, limit.as_secs()))??;
        for reader in &mut self.readers {
            reader.await?;
        }
        if !status.success() {
            let said = self.errors.read(|lines| lines.join(" | "));
            return Err(format!("{} ended with {status}: {said}", self.name).into());
        }
        Ok(self.lines.read(<[String]>::to_vec))
    }

    /// Asks it to stop, as Ctrl-C does, and insists that it does so cleanly.
    pub(crate) async fn stop(self) -> Outcome {
        let id = self.child.id().ok_or_else(|| format!("{} has ended by itself", self.name))?;
        let sent = Command::new("kill").args(["-INT", &id.to_string()]).status().await?;
        if !sent.success() {
            return Err(format!("cannot interrupt {}", self.name).into());
        }
        self.success(EXIT).await?;
        Ok(())
    }

    /// Ends it without warning, as `kill -9` does.
    pub(crate) async fn kill(mut self) -> Outcome {
        self.child.kill().await?;
        for reader in &mut self.readers {
            reader.await?;
        }
        Ok(())
    }
}

async fn read_lines(
    stream: impl AsyncRead + Unpin,
    name: String,
    into: Arc<Journal<String>>,
    tee: impl Fn(&str),
) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if verbose() {
            eprintln!("[{name}] {line}");
        }
        tee(&line);
        into.push(line);
    }
    into.fail("the process ended".to_owned());
}

/// The command under test, built before.
fn binary() -> Outcome<PathBuf> {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../target/release/sanswire");
    let path = std::env::var_os("SANSWIRE_BIN").map_or_else(|| PathBuf::from(built), PathBuf::from);
    match path.exists() {
        true => Ok(path),
        false => Err("no sanswire command: run `cargo build --release -p sanswire-cli` first".into()),
    }
}

/// The simulated server on a free port.
pub(crate) struct Server {
    process: Running,
    /// Its address, `ws://…`; `wss://` with the same rest works as well.
    pub(crate) url: String,
    /// Root key of its certificates.
    pub(crate) root: String,
}

impl Server {
    pub(crate) async fn start() -> Outcome<Self> {
        let process = Running::start("server", &["serve", "--listen", "127.0.0.1:0"], |_| {})?;
        let ready =
            |line: &String| serde_json::from_str::<Value>(line).ok().filter(|line| line["ready"] == true);
        let ready = process.lines.until("ready line", READY, |lines| lines.iter().find_map(ready)).await?;
        let field = |name: &str| ready[name].as_str().map(str::to_owned).ok_or(format!("no {name}: {ready}"));
        Ok(Self { url: field("url")?, root: field("cert_root")?, process })
    }

    /// Lets the phone of the account scan this QR text; the new device's address.
    pub(crate) async fn scan(&self, qr: &str) -> Outcome<String> {
        let answer = self.ask("POST", "/admin/mock-phone/scan-qr", qr).await?;
        let jid = answer["jid"].as_str().ok_or("the scan names no address")?;
        Ok(jid.to_owned())
    }

    /// Breaks the ciphertext of the next message that goes to this account's first client.
    pub(crate) async fn spoil_next_message(&self, account: &str) -> Outcome {
        let order =
            json!({ "fault": "corrupt-ciphertext", "jid": self.client_of(account).await?, "times": 1 });
        self.ask("POST", "/admin/fault", &order.to_string()).await?;
        Ok(())
    }

    /// Makes a group of these accounts; its address.
    pub(crate) async fn create_group(
        &self,
        subject: &str,
        members: &[&str],
        addressing: &str,
    ) -> Outcome<String> {
        let order = json!({ "subject": subject, "members": members, "addressing": addressing });
        let made = self.ask("POST", "/admin/group", &order.to_string()).await?;
        Ok(made["jid"].as_str().ok_or("the group has no address")?.to_owned())
    }

    /// Lets an account `add`, `remove` or `leave`: what the field of the request is called.
    pub(crate) async fn change_group(&self, group: &str, change: &str, account: &str) -> Outcome {
        let mut order = json!({ "group": group });
        order[change] = account.into();
        let changed = self.ask("POST", "/admin/group/change", &order.to_string()).await?;
        match changed["changed"] == true {
            true => Ok(()),
            false => Err(format!("{change} of {account} changes nothing").into()),
        }
    }

    /// Unlinks a device, as its phone can.
    pub(crate) async fn unlink(&self, device: &str) -> Outcome {
        self.ask("POST", "/admin/unlink", &json!({ "jid": device }).to_string()).await?;
        Ok(())
    }

    /// Drops every connection; state stays.
    pub(crate) async fn drop_connections(&self) -> Outcome {
        self.ask("POST", "/admin/restart", "").await?;
        Ok(())
    }

    /// What clients did wrong.
    pub(crate) async fn violations(&self) -> Outcome<Vec<Violation>> {
        let answer = self.ask("GET", "/admin/violations", "").await?;
        let found = answer["violations"].as_array().ok_or("no list of violations")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let violation = |entry: &Value| Violation {
            device: text(&entry["device"]),
            rule: format!("{} (reference {})", text(&entry["rule"]), text(&entry["chapter"])),
        };
        Ok(found.iter().map(violation).collect())
    }

    /// The last lines that the server complained with.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.process.errors.read(|lines| lines.iter().rev().take(20).rev().cloned().collect())
    }

    /// Both addresses of the account: its number and its LID.
    pub(crate) async fn names(&self, account: &str) -> Outcome<Vec<String>> {
        let account = self.account(account).await?;
        let names = [&account["jid"], &account["lid"]];
        Ok(names.iter().filter_map(|name| name.as_str()).map(str::to_owned).collect())
    }

    async fn account(&self, jid: &str) -> Outcome<Value> {
        let state = self.ask("GET", "/admin/state", "").await?;
        let accounts = state["accounts"].as_array().ok_or("no list of accounts")?;
        let found = accounts.iter().find(|entry| entry["jid"] == jid);
        Ok(found.ok_or_else(|| format!("the server knows no {jid}"))?.clone())
    }

    /// Address of the first device of the account that is not its phone.
    async fn client_of(&self, account: &str) -> Outcome<String> {
        let known = self.account(account).await?;
        let devices = known["devices"].as_array();
        let client = devices.and_then(|devices| devices.iter().find(|device| device["phone"] == false));
        let jid = client.and_then(|client| client["jid"].as_str());
        Ok(jid.ok_or_else(|| format!("the server knows no client of {account}"))?.to_owned())
    }

    /// One administrative request over HTTP/1.1.
    async fn ask(&self, method: &str, path: &str, body: &str) -> Outcome<Value> {
        let rest = self.url.strip_prefix("ws://").ok_or("the server's address is not ws://…")?;
        let host = rest.split('/').next().unwrap_or(rest);
        let mut stream = TcpStream::connect(host).await?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("half an HTTP answer")?;
        if head.split(' ').nth(1) != Some("200") {
            return Err(format!("{path}: {}: {body}", head.lines().next().unwrap_or_default()).into());
        }
        Ok(serde_json::from_str(body)?)
    }
}

/// A rule that a client broke.
pub(crate) struct Violation {
    /// Its device; empty if it had not logged in.
    pub(crate) device: String,
    /// The rule, and where it is written.
    pub(crate) rule: String,
}

/// `15550001111:3@s.whatsapp.net` without its device.
pub(crate) fn bare(jid: &str) -> String {
    match jid.split_once('@') {
        Some((user, server)) => format!("{}@{server}", user.split(':').next().unwrap_or(user)),
        None => jid.to_owned(),
    }
}

const READY: Duration = Duration::from_secs(30);
const EXIT: Duration = Duration::from_secs(30);
