//! Recordings of clients in the world, one for each life.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sanswire::replay::{Recorder, Row};
use sanswire::{Input, Machine, Misuse, Now, Output};

use crate::world::{Maker, Storage};

/// Collects the recordings of one client: give its [`maker`](Self::maker) to
/// [`World::client_made`](crate::world::World::client_made).
#[derive(Clone, Default)]
pub struct Tape(Arc<Mutex<Reels>>);

#[derive(Default)]
struct Reels {
    lives: Vec<Vec<u8>>,
    /// What the next life finds in its storage; none when nobody said.
    stored: Option<Vec<Row>>,
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("lives", &self.with(|reels| reels.lives.len())).finish()
    }
}

impl Tape {
    /// A tape for a client with an empty storage.
    #[must_use]
    pub fn new() -> Self {
        let tape = Self::default();
        tape.with(|reels| reels.stored = Some(Vec::new()));
        tape
    }

    /// Makes honest clients that write to this tape.
    ///
    /// # Panics
    /// The maker does so when the configuration is out of range.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a world without its client has nothing to go on with")]
    pub fn maker(&self) -> Maker {
        let tape = self.clone();
        Arc::new(move |config, seed, now| {
            let mut recorder = Recorder::new(config, seed, now).expect("a valid configuration");
            let life = tape.with(|reels| {
                if let Some(rows) = reels.stored.take() {
                    recorder.records(&rows, true);
                }
                reels.lives.push(Vec::new());
                reels.lives.len() - 1
            });
            Box::new(Taped { recorder, tape: tape.clone(), life })
        })
    }

    /// Says what the next life will find, so that its recording holds that as well.
    pub fn storage_is(&self, storage: &Storage) {
        self.with(|reels| reels.stored = Some(storage.rows()));
    }

    /// What was recorded so far, life by life.
    #[must_use]
    pub fn recordings(&self) -> Vec<Vec<u8>> {
        self.with(|reels| reels.lives.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Reels) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A recorder whose bytes go to a tape.
struct Taped {
    recorder: Recorder,
    tape: Tape,
    life: usize,
}

impl Machine for Taped {
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        self.recorder.handle(input, now)
    }

    fn poll(&mut self) -> Output {
        let output = self.recorder.poll();
        let recorded = self.recorder.take();
        self.tape.with(|reels| reels.lives[self.life].extend(recorded));
        output
    }
}
