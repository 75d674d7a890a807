//! Steps and outputs for people and for tools. No value of a record, and no seed, ever appears here.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::entry::{flag, table};
use super::format::{Cursor, Malformed};
use super::output::{GET, OutputKind, RecordedOutput, STANZA};
use super::replayer::{Step, What};
use crate::input::{Found, Input};
use crate::records::Table;
use crate::wire::Document;

/// One line: number of the input, seconds, what it is, and the particulars.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.what {
            What::Begin { release, config } => format!("release {release}, {}", config.target.url),
            What::Records(tables) => {
                let counts = tables.iter().map(|(table, count)| format!("{} {count}", name(*table)));
                counts.collect::<Vec<_>>().join(", ")
            }
            What::Input(input) => InputText(input).to_string(),
            What::Received(frame) => stanza(frame, false),
            What::Output(output) => output.to_string(),
        };
        let (seconds, millis) = (self.after.as_secs(), self.after.subsec_millis());
        let word = self.word();
        write!(f, "{:>6} {seconds:>7}.{millis:03}  {word:<10} ", self.input)?;
        match text.char_indices().nth(LINE_CHARS_MAX) {
            None => f.write_str(text.trim_end()),
            Some((at, _)) => {
                let more = text.chars().count() - LINE_CHARS_MAX;
                write!(f, "{}… ({more} characters more)", text.get(..at).unwrap_or_default())
            }
        }
    }
}

impl Step {
    fn word(&self) -> &'static str {
        match &self.what {
            What::Begin { .. } => "begin",
            What::Records(_) => "records",
            What::Input(_) => "input",
            What::Received(_) => "<-",
            What::Output(output) if output.kind == OutputKind::Send => "->",
            What::Output(output) => output.kind.name(),
        }
    }

    /// The same for tools: an object with `step`, `input`, `output`, the two clocks, and what belongs to the
    /// kind of step.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut object = Map::new();
        let mut set = |key: &str, value: Value| object.insert(key.to_string(), value);
        set("input", json!(self.input));
        set("output", json!(self.output));
        set("mono_ms", json!(self.at.mono));
        set("unix_ms", json!(self.at.unix));
        let (step, rest) = match &self.what {
            What::Begin { release, config } => ("begin", json!({"release": release, "config": config})),
            What::Records(tables) => {
                let tables = tables.iter().map(|(table, count)| (name(*table), json!(count)));
                ("records", json!({"tables": tables.collect::<Map<_, _>>()}))
            }
            What::Input(input) => (input_name(input), input_json(input)),
            What::Received(frame) => ("stanza", json!({"stanza": stanza(frame, false)})),
            What::Output(output) => (output.kind.name(), output.json()),
        };
        set("step", json!(step));
        if let Value::Object(rest) = rest {
            object.extend(rest);
        }
        Value::Object(object)
    }
}

/// An input on one line.
pub(super) struct InputText<'a>(pub(super) &'a Input);

impl fmt::Display for InputText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(input_name(self.0))?;
        match self.0 {
            Input::Received(bytes) => write!(f, " {} bytes", bytes.len()),
            Input::Loaded(found) => {
                let (values, rows) = count(found);
                write!(f, " {values} of {} values, {rows} rows", found.len())
            }
            Input::Call(call, operation) => {
                let operation = serde_json::to_string(operation).unwrap_or_default();
                write!(f, " {} {operation}", call.0)
            }
            Input::Seen(event) => write!(f, " {}", event.0),
            Input::Connected | Input::Closed | Input::Tick | Input::Shutdown => Ok(()),
        }
    }
}

const fn input_name(input: &Input) -> &'static str {
    match input {
        Input::Connected => "connected",
        Input::Received(_) => "received",
        Input::Closed => "closed",
        Input::Tick => "tick",
        Input::Loaded(_) => "loaded",
        Input::Call(..) => "call",
        Input::Seen(_) => "seen",
        Input::Shutdown => "shutdown",
    }
}

fn input_json(input: &Input) -> Value {
    match input {
        Input::Received(bytes) => json!({"bytes": bytes.len()}),
        Input::Loaded(found) => {
            let (values, rows) = count(found);
            json!({"answers": found.len(), "values": values, "rows": rows})
        }
        Input::Call(call, operation) => json!({"call": call, "operation": operation}),
        Input::Seen(event) => json!({"event": event}),
        Input::Connected | Input::Closed | Input::Tick | Input::Shutdown => json!({}),
    }
}

/// Values and rows in an answer of the storage.
fn count(found: &[Found]) -> (usize, usize) {
    found.iter().fold((0, 0), |(values, rows), found| match found {
        Found::Value(value) => (values + usize::from(value.is_some()), rows),
        Found::Rows(more) => (values, rows + more.len()),
    })
}

impl fmt::Display for RecordedOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            writeln!(f, "{}", self.kind.name())?;
        }
        match self.read() {
            Ok(view) => view.write(f),
            Err(why) => write!(f, "unreadable ({why})"),
        }
    }
}

/// A body, taken apart.
enum View {
    Send { digest: String, bytes: u64, stanza: Option<Bytes> },
    Store { generation: u64, writes: Vec<WriteView> },
    Load(Vec<String>),
    Reply(u64, Value),
    Json(Value),
    Wait(Option<u64>),
}

struct WriteView {
    table: Table,
    key: String,
    /// Length and digest of the value; none if removed.
    value: Option<(u64, String)>,
}

impl RecordedOutput {
    fn read(&self) -> Result<View, Malformed> {
        let mut body = Cursor::new(&self.body);
        let parse = |json: &[u8]| serde_json::from_slice(json).map_err(|error| error.to_string());
        let view = match self.kind {
            OutputKind::Connect | OutputKind::Event | OutputKind::Disconnect => {
                View::Json(parse(body.rest())?)
            }
            OutputKind::Reply => View::Reply(body.varint()?, parse(body.rest())?),
            OutputKind::Wait if self.body.is_empty() => View::Wait(None),
            OutputKind::Wait => View::Wait(Some(body.varint()?)),
            OutputKind::Send => {
                let (digest, bytes) = (hex(&body.array::<8>()?), body.varint()?);
                let is_stanza = body.byte()? == STANZA;
                let content = body.rest_bytes();
                View::Send { digest, bytes, stanza: is_stanza.then_some(content) }
            }
            OutputKind::Store => {
                let (_follows, generation) = (body.varint()?, body.varint()?);
                let mut writes = Vec::new();
                for _ in 0..body.varint()? {
                    let (table, key) = (table(&mut body)?, key_text(body.slice()?));
                    let set = flag(&mut body)?;
                    let value = if set { Some((body.varint()?, hex(&body.array::<8>()?))) } else { None };
                    writes.push(WriteView { table, key, value });
                }
                View::Store { generation, writes }
            }
            OutputKind::Load => {
                let mut wants = Vec::new();
                for _ in 0..body.varint()? {
                    let get = body.byte()? == GET;
                    let (table, key) = (name(table(&mut body)?), key_text(body.slice()?));
                    wants.push(if get {
                        format!("{table} {key}")
                    } else {
                        format!("{table} from {key}, at most {}", body.varint()?)
                    });
                }
                View::Load(wants)
            }
        };
        body.end()?;
        Ok(view)
    }

    /// The particulars for tools.
    fn json(&self) -> Value {
        match self.read() {
            Err(why) => json!({"unreadable": why}),
            Ok(View::Send { digest, bytes, stanza: frame }) => {
                json!({"bytes": bytes, "digest": digest, "stanza": frame.map(|frame| stanza(&frame, false))})
            }
            Ok(View::Store { generation, writes }) => {
                let writes = writes.into_iter().map(|write| {
                    let bytes = write.value.map(|(bytes, _)| bytes);
                    json!({"table": name(write.table), "key": write.key, "bytes": bytes})
                });
                json!({"generation": generation, "writes": writes.collect::<Vec<_>>()})
            }
            Ok(View::Load(wants)) => json!({"wants": wants}),
            Ok(View::Reply(call, result)) => json!({"call": call, "result": result}),
            Ok(View::Json(value)) => json!({"content": value}),
            Ok(View::Wait(deadline)) => json!({"deadline_ms": deadline}),
        }
    }
}

impl View {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = f.alternate();
        match self {
            Self::Send { stanza: Some(frame), .. } if !whole => f.write_str(&stanza(frame, false)),
            Self::Send { bytes, stanza: None, .. } if !whole => write!(f, "{bytes} bytes, no stanza"),
            Self::Send { digest, bytes, stanza: frame } => {
                write!(f, "{bytes} bytes on the wire, digest {digest}")?;
                frame.as_ref().map_or(Ok(()), |frame| write!(f, "\n{}", stanza(frame, true)))
            }
            Self::Store { generation, writes } => {
                write!(f, "{generation}:")?;
                if whole {
                    return writes.iter().try_for_each(|write| write.write(f));
                }
                let mut tables: BTreeMap<(Table, bool), u32> = BTreeMap::new();
                for write in writes {
                    *tables.entry((write.table, write.value.is_some())).or_default() += 1;
                }
                for ((table, set), count) in tables {
                    write!(f, " {} {}{count}", name(table), if set { '+' } else { '-' })?;
                }
                Ok(())
            }
            Self::Load(wants) => f.write_str(&wants.join(if whole { "\n" } else { "; " })),
            Self::Reply(call, result) => write!(f, "{call} {result}"),
            Self::Json(value) => write!(f, "{value}"),
            Self::Wait(None) => f.write_str("for an input"),
            Self::Wait(Some(at)) => write!(f, "until {}.{:03}", at / 1000, at % 1000),
        }
    }
}

impl WriteView {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {} {} ", name(self.table), self.key)?;
        match &self.value {
            Some((bytes, digest)) => write!(f, "= {bytes} bytes, digest {digest}"),
            None => f.write_str("removed"),
        }
    }
}

/// A frame's plaintext as XML-like text, on one line or on many.
fn stanza(frame: &Bytes, many: bool) -> String {
    match Document::decode(frame.as_ref()) {
        Ok(document) if many => format!("{:#}", document.root()),
        Ok(document) => format!("{}", document.root()),
        Err(error) => format!("no stanza ({error}): {}", hex(frame)),
    }
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Its table.
    pub table: Table,
    /// Its key.
    pub key: &'a [u8],
}

impl Place<'_> {
    /// The key as text where it is text, else as hex.
    #[must_use]
    pub fn key_text(&self) -> String {
        key_text(self.key)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", name(self.table), self.key_text())
    }
}

/// A key as text where it is text, else as hex.
pub(super) fn key_text(key: &[u8]) -> String {
    match str::from_utf8(key) {
        Ok(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) => text.to_string(),
        _ => hex(key),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The table's stable name.
fn name(table: Table) -> String {
    match serde_json::to_value(table) {
        Ok(Value::String(name)) => name,
        _ => table.number().to_string(),
    }
}

/// Characters of one line of a timeline: an upload of prekeys has ten times as many.
const LINE_CHARS_MAX: usize = 2_000;
