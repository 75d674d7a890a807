//! The loop around a driver, for any runtime.

use core::future::{Future, pending};
use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use futures_lite::future::{or, zip};
use sanswire::{Input, Machine, Mono, Target};
use sanswire_store::Store;

use crate::clock::Clock;
use crate::driver::{Driver, Next};
use crate::error::DriverError;
use crate::link::{Link, Links};
use crate::runtime::{ConnectError, Reader, Runtime, Writer};
use crate::shared::Shared;

/// Runs a client until it is shut down or fails. Dropping the future is a crash, and as harmless: sockets are
/// closed, and the store is closed as soon as a commit in progress is done
/// ([`Handle::over`](crate::Handle::over) tells when).
///
/// # Errors
/// [`DriverError`] when storage fails or the driver was fed before.
pub async fn run<M, S, R>(driver: Driver<M, S>, runtime: R) -> Result<(), DriverError>
where
    M: Machine + 'static,
    S: Store + 'static,
    R: Runtime,
{
    let links = Arc::new(Links::default());
    let shared = Arc::clone(driver.shared());
    // Who waits for the end finds the last connection closed as well.
    let _guard = Arc::clone(driver.guard());
    let turns = async {
        let result = turns(driver, &runtime, &links).await;
        links.end(result.is_err());
        result
    };
    let sockets = async {
        while let Some((target, link)) = links.dials.pop().await {
            serve(&runtime, &target, &link, &shared).await;
        }
    };
    zip(turns, sockets).await.0
}

/// Feeds the driver, with what is there already in one go.
async fn turns<M, S, R>(mut driver: Driver<M, S>, runtime: &R, links: &Arc<Links>) -> Result<(), DriverError>
where
    M: Machine + 'static,
    S: Store + 'static,
    R: Runtime,
{
    let clock = driver.clock();
    let shared = Arc::clone(driver.shared());
    let mut input = None;
    let mut asked_first = false;
    loop {
        let (links_there, shared_there) = (Arc::clone(links), Arc::clone(&shared));
        let work = move || {
            let mut wire = &*links_there;
            let mut asked_first = asked_first;
            let more = || {
                asked_first = !asked_first;
                at_hand(&shared_there, &links_there, asked_first)
            };
            let next = match input {
                None => driver.start(clock.now(), &mut wire),
                Some(input) => driver.feed_all(input, more, || clock.now(), &mut wire),
            };
            (driver, next)
        };
        let (back, next) = runtime.unblock(work).await;
        driver = back;
        let deadline = match next {
            Ok(Next::Input(deadline)) => deadline,
            end => {
                runtime.unblock(move || drop(driver)).await;
                return end.map(drop);
            }
        };
        asked_first = !asked_first;
        input = Some(next_input(runtime, clock, deadline, &shared, links, asked_first).await);
    }
}

/// Waits for the first of: the deadline, an application's wish, the connection. The last two take turns in
/// being looked at first, so that neither can starve the other.
async fn next_input<R: Runtime>(
    runtime: &R,
    clock: Clock,
    deadline: Option<Mono>,
    shared: &Shared,
    links: &Links,
    asked_first: bool,
) -> Input {
    let timer = async {
        match deadline {
            Some(at) => runtime.sleep(at.since(clock.now().mono)).await,
            None => pending().await,
        }
        Input::Tick
    };
    let asked = or_never(shared.asked.pop());
    let link = links.current();
    let received = async {
        shared.events.shorter_than(EVENTS_WAITING_MAX).await;
        match &link {
            Some(link) => or_never(link.inputs.pop()).await,
            None => pending().await,
        }
    };
    if asked_first { or(timer, or(asked, received)).await } else { or(timer, or(received, asked)).await }
}

/// What [`next_input`] would not have to wait for.
fn at_hand(shared: &Shared, links: &Links, asked_first: bool) -> Option<Input> {
    let asked = || shared.asked.try_pop();
    let received = || {
        let link = links.current().filter(|_| shared.events.len() < EVENTS_WAITING_MAX);
        link.and_then(|link| link.inputs.try_pop())
    };
    if asked_first { asked().or_else(received) } else { received().or_else(asked) }
}

/// One connection from dialling to its end.
async fn serve<R: Runtime>(runtime: &R, target: &Target, link: &Link, shared: &Shared) {
    let ended = async {
        let dialled = or(async { Some(runtime.connect(target).await) }, async {
            // Closed before it was open: there is nothing to flush.
            link.writes.closed().await;
            None
        });
        let end = match dialled.await {
            None => return,
            Some(Err(error)) => Err(error),
            Some(Ok((reader, writer))) => {
                shared.set_trouble(None);
                drop(link.inputs.push(Input::Connected));
                transfer(runtime, reader, writer, link).await
            }
        };
        shared.set_trouble(end.err().map(|error| error.to_string()));
        drop(link.inputs.push(Input::Closed));
    };
    or(ended, link.given_up.closed()).await;
    link.writes.close();
}

/// Moves bytes both ways until the peer, the driver or an error ends it.
async fn transfer<R: Runtime>(
    runtime: &R,
    mut reader: R::Reader,
    mut writer: R::Writer,
    link: &Link,
) -> Result<(), ConnectError> {
    let read = async {
        while let Some(bytes) = reader.read().await? {
            // Of a connection that is being closed, only the end is of interest.
            if !link.writes.is_closed() {
                or(link.inputs.shorter_than(INPUTS_WAITING_MAX), link.writes.closed()).await;
                drop(link.inputs.push(Input::Received(bytes)));
            }
        }
        Ok(())
    };
    let write = async {
        while let Some(bytes) = link.writes.pop().await {
            writer.write(bytes).await?;
        }
        writer.close().await?;
        // The peer's goodbye is waited for: leaving with something unread may destroy what is still under way.
        pending().await
    };
    let linger = async {
        link.writes.closed().await;
        runtime.sleep(LINGER).await;
        Ok(())
    };
    let (read, write, linger) = (pin!(read), pin!(write), pin!(linger));
    or(read, or(write, linger)).await
}

async fn or_never<T>(item: impl Future<Output = Option<T>>) -> T {
    match item.await {
        Some(item) => item,
        None => pending().await,
    }
}

/// Events that wait for the application before nothing more is read from the connection.
pub const EVENTS_WAITING_MAX: usize = 4096;
/// WebSocket messages that wait for the driver before nothing more is read from the connection.
const INPUTS_WAITING_MAX: usize = 64;
/// How long a peer that does not read may hold up the closing of a connection that nobody needs any more.
const LINGER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
