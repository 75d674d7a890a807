//! Runs a recording through a fresh client and compares every output.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::entry::{Begin, Entry, RELEASE};
use super::error::{Divergence, ReadError, ReplayError};
use super::output::{self, RecordedOutput};
use super::reader::Reader;
use super::stanzas::Stanzas;
use super::timeline::{Place, key_text};
use super::writer::Running;
use crate::client::Client;
use crate::config::Config;
use crate::error::Misuse;
use crate::input::{Found, Input};
use crate::now::{Mono, Now};
use crate::output::{Batch, Output, Want};
use crate::records::Table;

/// Replays a recording: [`run`](Self::run) at full speed, or [`step`](Self::step) by step.
///
/// After an error nothing more comes.
#[derive(Debug)]
pub struct Replayer {
    reader: Reader,
    life: Option<Life>,
    shadow: Shadow,
    summary: Summary,
    begin: Mono,
    now: Now,
    /// Where the last input stands.
    cause: Option<Reader>,
    ready: VecDeque<Step>,
    /// Whether steps are wanted.
    watched: bool,
    over: bool,
}

/// The client under replay.
#[derive(Debug)]
struct Life {
    client: Client,
    stanzas: Stanzas,
    outputs: Running,
    drained: bool,
    scratch: Vec<u8>,
}

/// What storage must hold by now.
#[derive(Debug, Default)]
struct Shadow {
    records: BTreeMap<(Table, Vec<u8>), Bytes>,
    /// All of the storage is known, so that its answers can be checked.
    complete: bool,
    wants: Vec<Want>,
}

/// How far a replay came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The release that recorded.
    pub release: String,
    /// Inputs taken.
    pub inputs: u64,
    /// Outputs compared and found equal, waits among them.
    pub outputs: u64,
    /// Stanzas in both directions.
    pub stanzas: u64,
    /// From the making of the client to the last input, by its monotonic clock.
    pub recorded: Duration,
    /// The recording ends inside an entry or a drain: its last part is missing.
    pub cut: bool,
}

/// One thing that happened, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The last input, counted from 1; 0 is the making of the client.
    pub input: u64,
    /// Outputs up to here, waits among them; for an output, its own number, counted from 1.
    pub output: u64,
    /// The time of that input.
    pub at: Now,
    /// How long after the making of the client that was.
    pub after: Duration,
    /// What happened.
    pub what: What,
}

/// What a [`Step`] is about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// The client was made.
    Begin {
        /// The release that recorded.
        release: String,
        /// Its configuration.
        config: Box<Config>,
    },
    /// Storage held these tables with so many records each, or they are the next page of them.
    Records(Vec<(Table, u64)>),
    /// An input was handed in.
    Input(Input),
    /// A stanza came out of the encryption: the plaintext of its frame.
    Received(Bytes),
    /// An output, which is the recorded one.
    Output(RecordedOutput),
}

impl Replayer {
    /// Reads a recording; nothing runs yet.
    ///
    /// # Errors
    /// [`ReadError`] when it is none, or one of a format that this release does not read.
    pub fn new(recording: impl Into<Bytes>) -> Result<Self, ReadError> {
        Ok(Self {
            reader: Reader::new(recording)?,
            life: None,
            shadow: Shadow::default(),
            summary: Summary::default(),
            begin: Mono(0),
            now: Now::default(),
            cause: None,
            ready: VecDeque::new(),
            watched: true,
            over: false,
        })
    }

    /// Runs to the end of the recording.
    ///
    /// # Errors
    /// [`ReplayError`]: why it does not replay.
    pub fn run(mut self) -> Result<Summary, ReplayError> {
        self.watched = false;
        while self.advance()? {}
        Ok(self.summary)
    }

    /// The next thing that happened; `None` at the end.
    ///
    /// # Errors
    /// [`ReplayError`]: why it does not replay any further.
    pub fn step(&mut self) -> Result<Option<Step>, ReplayError> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(Some(step));
            }
            if !self.advance()? {
                return Ok(None);
            }
        }
    }

    /// How far it came.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Tables and keys of the records that storage holds at this point, in order: all of them, or if the
    /// recording does not say what there was at its start, those written since.
    pub fn records(&self) -> impl Iterator<Item = Place<'_>> {
        self.shadow.records.keys().map(|(table, key)| Place { table: *table, key })
    }

    /// Whether the recording says what its storage held at the start.
    #[must_use]
    pub const fn knows_records(&self) -> bool {
        self.shadow.complete
    }

    /// Takes one entry; whether there was one.
    fn advance(&mut self) -> Result<bool, ReplayError> {
        if self.over {
            return Ok(false);
        }
        // Until proven otherwise.
        self.over = true;
        let before = self.reader.clone();
        let Some(entry) = self.reader.next_entry()? else {
            let drained = self.life.as_ref().is_some_and(|life| life.drained);
            self.summary.cut = self.reader.cut() || !drained;
            return Ok(false);
        };
        match entry {
            Entry::Begin(begin) => self.begin(begin)?,
            Entry::Records { rows, last } => {
                if self.shadow.complete || self.life.as_ref().is_none_or(|life| life.outputs.count > 0) {
                    return Err(self.order("records that are not at the start"));
                }
                self.shadow.complete = last;
                let mut tables = BTreeMap::new();
                for row in rows {
                    *tables.entry(row.table).or_default() += 1;
                    self.shadow.records.insert((row.table, row.key), row.value);
                }
                self.tell(|| What::Records(tables.into_iter().collect()));
            }
            Entry::Input(now, input) => {
                self.cause = Some(before);
                self.input(now, input)?;
            }
            Entry::Output(recorded) => self.output(recorded, None)?,
            Entry::Drained { deadline, count, digest } => {
                let mut body = Vec::new();
                let kind = output::put(&mut body, &Output::Wait(deadline), None);
                self.output(RecordedOutput { kind, body: body.into() }, Some((count, digest)))?;
            }
        }
        self.over = false;
        Ok(true)
    }

    fn begin(&mut self, begin: Begin) -> Result<(), ReplayError> {
        if self.life.is_some() {
            return Err(self.order("a second beginning"));
        }
        let Begin { release, config, seed, now } = begin;
        let client = Client::new(config.clone(), *seed.expose(), now);
        let mut client = client.map_err(|misuse| self.refused(misuse))?;
        client.trace(true);
        self.life = Some(Life {
            client,
            stanzas: Stanzas::default(),
            outputs: Running::default(),
            drained: false,
            scratch: Vec::new(),
        });
        self.summary.release.clone_from(&release);
        self.begin = now.mono;
        self.now = now;
        self.tell(|| What::Begin { release, config: Box::new(config) });
        Ok(())
    }

    fn input(&mut self, now: Now, input: Input) -> Result<(), ReplayError> {
        if !self.life.as_ref().is_some_and(|life| life.drained) {
            return Err(self.order("an input before the outputs of the last one are over"));
        }
        self.summary.inputs += 1;
        self.now = self.now.advance(now);
        self.summary.recorded = self.now.mono.since(self.begin);
        if let Input::Loaded(found) = &input
            && let Some((table, key)) = self.shadow.contradicted_by(found)
        {
            return Err(ReplayError::Storage { input: self.summary.inputs, table, key: key_text(&key) });
        }
        if self.watched {
            let input = input.clone();
            self.tell(|| What::Input(input));
        }
        let Some(life) = &mut self.life else { return Ok(()) };
        life.drained = false;
        life.client.handle(input, now).map_err(|misuse| self.refused(misuse))
    }

    /// Polls the client and compares; `drained` with the recorded sums at the end of a drain.
    fn output(
        &mut self,
        recorded: RecordedOutput,
        drained: Option<(u64, [u8; 16])>,
    ) -> Result<(), ReplayError> {
        let Some(life) = self.life.as_mut().filter(|life| !life.drained) else {
            return Err(self.order("an output without an input"));
        };
        let output = life.client.poll();
        let mut received = Vec::new();
        let stanza = life.stanzas.of(&output, &mut life.client, |frame| received.push(frame));
        life.scratch.clear();
        let kind = output::put(&mut life.scratch, &output, stanza.as_deref());
        if kind != recorded.kind || life.scratch != recorded.body {
            let replayed = RecordedOutput { kind, body: Bytes::copy_from_slice(&life.scratch) };
            if self.summary.release == RELEASE || !recorded.is_told_by(&replayed) {
                return Err(self.diverged(recorded, replayed));
            }
        }
        life.outputs.add(kind, &recorded.body);
        if let Some((count, digest)) = drained {
            if life.outputs.count != count || life.outputs.digest() != digest {
                return Err(ReplayError::Digest { input: self.summary.inputs });
            }
            life.drained = true;
        }
        self.summary.stanzas += received.len() as u64 + u64::from(stanza.is_some());
        if self.watched {
            for frame in received {
                self.tell(|| What::Received(frame));
            }
        }
        self.summary.outputs += 1;
        match output {
            Output::Store(batch) => self.shadow.apply(batch),
            Output::Load(wants) => self.shadow.wants = wants,
            _ => {}
        }
        self.tell(|| What::Output(recorded));
        Ok(())
    }

    fn tell(&mut self, what: impl FnOnce() -> What) {
        if self.watched {
            let Summary { inputs, outputs, recorded, .. } = self.summary;
            let step = Step { input: inputs, output: outputs, at: self.now, after: recorded, what: what() };
            self.ready.push_back(step);
        }
    }

    fn order(&self, what: &'static str) -> ReplayError {
        ReplayError::Order { input: self.summary.inputs, what }
    }

    fn refused(&self, misuse: Misuse) -> ReplayError {
        ReplayError::Refused { input: self.summary.inputs, misuse }
    }

    fn diverged(&self, recorded: RecordedOutput, replayed: RecordedOutput) -> ReplayError {
        let cause = self.cause.clone().and_then(|mut reader| reader.next_entry().ok().flatten());
        let cause = match cause {
            Some(Entry::Input(_, input)) => format!("{}", super::timeline::InputText(&input)),
            _ => "the making of the client".into(),
        };
        ReplayError::Diverged(Box::new(Divergence {
            output: self.summary.outputs + 1,
            input: self.summary.inputs,
            cause,
            release: self.summary.release.clone(),
            recorded,
            replayed,
        }))
    }
}

impl Shadow {
    fn apply(&mut self, batch: Batch) {
        for write in batch.writes {
            match write.value {
                Some(value) => self.records.insert((write.table, write.key), value),
                None => self.records.remove(&(write.table, write.key)),
            };
        }
    }

    /// The first want whose answer is not what was stored. The wants are answered.
    fn contradicted_by(&mut self, found: &[Found]) -> Option<(Table, Vec<u8>)> {
        let wants = core::mem::take(&mut self.wants);
        if !self.complete {
            return None;
        }
        let wrong = |(want, found): (Want, &Found)| match want {
            Want::Get { table, key } => {
                let at = (table, key);
                let right = matches!(found, Found::Value(value) if value.as_ref() == self.records.get(&at));
                (!right).then_some(at)
            }
            Want::Scan { table, from, limit } => {
                let start = (table, from);
                let rows = self.records.range(start.clone()..).take_while(|((of, _), _)| *of == table);
                let rows = rows.take(limit as usize).map(|((_, key), value)| (key, value));
                let right = matches!(found, Found::Rows(found) if rows.eq(found.iter().map(|(key, value)| (key, value))));
                (!right).then_some(start)
            }
        };
        wants.into_iter().zip(found).find_map(wrong)
    }
}
