//! A list that can be awaited: every wait ends with an entry, a reason, or a deadline.

use std::time::Duration;

use tokio::sync::watch;

use crate::Outcome;

/// What happened to one account or process, in order.
pub(crate) struct Journal<T> {
    name: String,
    held: watch::Sender<Held<T>>,
}

struct Held<T> {
    entries: Vec<T>,
    broken: Option<String>,
}

impl<T> Journal<T> {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), held: watch::Sender::new(Held { entries: Vec::new(), broken: None }) }
    }

    pub(crate) fn push(&self, entry: T) {
        self.held.send_modify(|held| held.entries.push(entry));
    }

    /// Ends every wait that has not found what it wants: nothing more will come.
    pub(crate) fn fail(&self, why: String) {
        self.held.send_modify(|held| held.broken = Some(why));
    }

    pub(crate) fn len(&self) -> usize {
        self.held.borrow().entries.len()
    }

    /// Looks at all entries so far.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&[T]) -> R) -> R {
        look(&self.held.borrow().entries)
    }

    /// Waits until `find` finds something; `what` names it in the error.
    pub(crate) async fn until<R>(
        &self,
        what: &str,
        limit: Duration,
        find: impl Fn(&[T]) -> Option<R>,
    ) -> Outcome<R> {
        let mut held = self.held.subscribe();
        let looking = async {
            loop {
                {
                    let held = held.borrow_and_update();
                    if let Some(found) = find(&held.entries) {
                        return Ok(found);
                    }
                    if let Some(why) = &held.broken {
                        return Err(format!("{}: {what}: {why}", self.name).into());
                    }
                }
                held.changed().await?;
            }
        };
        match tokio::time::timeout(limit, looking).await {
            Ok(found) => found,
            Err(_) => Err(format!("{}: no {what} within {} s", self.name, limit.as_secs()).into()),
        }
    }
}
