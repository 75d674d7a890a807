//! What the audience sees, and the proof at the end.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::time::SystemTime;

use super::person::{On, Person};
use crate::failure::Failure;
use crate::qr;

/// How far a message is, as its sender sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tick {
    Waiting,
    Server,
    Delivered,
    Read,
}

/// One message.
pub(super) struct Line {
    from: &'static str,
    to: &'static str,
    text: &'static str,
    id: String,
    tick: Tick,
}

impl Line {
    pub(super) const fn new(from: &Person, to: &Person, text: &'static str, id: String, tick: Tick) -> Self {
        Self { from: from.name, to: to.name, text, id, tick }
    }
}

/// Everything that was said, printed as it goes.
pub(super) struct Transcript {
    lines: Vec<Line>,
    colours: bool,
}

impl Transcript {
    pub(super) fn new() -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { lines: Vec::new(), colours }
    }

    /// A heading.
    pub(super) fn scene(&self, words: &str) {
        println!("\n{}", self.coloured("1", words));
    }

    pub(super) fn qr_code(&self, person: &Person, text: &str) -> Result<(), Failure> {
        let drawing = qr::draw(text, self.colours).map_err(|error| Failure::Demo(error.to_string()))?;
        let runtime = match person.on {
            On::Tokio => "tokio",
            On::Smol => "smol",
        };
        println!("\n{} (on {runtime}) wants to be linked to a phone:\n{drawing}", person.name);
        Ok(())
    }

    pub(super) fn paired(&self, person: &Person) {
        let jid = person.jid.as_ref().map(ToString::to_string).unwrap_or_default();
        println!("{}'s phone has scanned it: linked as {jid}", person.name);
    }

    /// Prints a message; its number for later.
    pub(super) fn line(&mut self, line: Line) -> usize {
        self.print(&line);
        self.lines.push(line);
        self.lines.len() - 1
    }

    /// Prints a message again that has come further.
    pub(super) fn advance(&mut self, number: usize, tick: Tick) {
        if let Some(line) = self.lines.get_mut(number) {
            line.tick = tick;
        }
        if let Some(line) = self.lines.get(number) {
            self.print(line);
        }
    }

    /// The id of a message.
    pub(super) fn id(&self, number: usize) -> String {
        self.lines.get(number).map(|line| line.id.clone()).unwrap_or_default()
    }

    /// Compares what was said with what was shown: the number of messages if each was delivered once, to whom
    /// it was for, and nothing else was.
    pub(super) fn check(&self, people: &[&Person]) -> Result<usize, Failure> {
        for person in people {
            let said = self.lines.iter().filter(|line| line.to == person.name);
            let said: Vec<(&str, &str)> = said.map(|line| (line.id.as_str(), line.text)).collect();
            for (id, text) in &said {
                let times = person.shown.iter().filter(|(shown, body)| shown == id && body == text).count();
                if times != 1 {
                    return Err(Failure::Demo(format!("{} was shown {times} times: {text}", person.name)));
                }
            }
            if person.shown.len() != said.len() {
                let unknown = person.shown.len() - said.len();
                return Err(Failure::Demo(format!(
                    "{} was shown {unknown} messages that nobody wrote",
                    person.name
                )));
            }
        }
        let ids: BTreeSet<&str> = self.lines.iter().map(|line| line.id.as_str()).collect();
        if ids.len() != self.lines.len() || self.lines.iter().any(|line| line.tick != Tick::Read) {
            return Err(Failure::Demo("a message has no id of its own, or not all of its ticks".to_owned()));
        }
        println!();
        Ok(self.lines.len())
    }

    fn print(&self, line: &Line) {
        let ticks = match line.tick {
            Tick::Waiting => "…".to_owned(),
            Tick::Server => "✓".to_owned(),
            Tick::Delivered => "✓✓".to_owned(),
            Tick::Read => self.coloured("34", "✓✓ read"),
        };
        println!("{}  {:>4} → {:<4}  {:<WIDTH$}  {ticks}", time(), line.from, line.to, line.text);
    }

    fn coloured(&self, code: &str, words: &str) -> String {
        if self.colours { format!("\x1b[{code}m{words}\x1b[0m") } else { words.to_owned() }
    }
}

/// The time of day, UTC.
fn time() -> String {
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{:02}:{:02}:{:02}", unix / 3600 % 24, unix / 60 % 60, unix % 60)
}

/// Columns for a text.
const WIDTH: usize = 55;
