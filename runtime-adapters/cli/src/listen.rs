//! `listen`: events as JSON lines, or as lines for people.

use std::io::{ErrorKind, Write as _};

use sanswire::event::{Envelope, Event, LinkEvent};
use sanswire_driver::Handle;

use crate::account::Account;
use crate::failure::Failure;
use crate::pretty;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: Account,
    /// For people rather than programs: words instead of JSON
    #[arg(long)]
    pretty: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let account = &arguments.account;
    account.must_exist()?;
    let listening = account.run(account.config(), async |client| listen(client, arguments).await);
    match listening {
        // That is how listening ends.
        Err(Failure::Interrupted) => Ok(()),
        // The reader has enough: what it did not get was not confirmed and comes again.
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

async fn listen(client: &Handle, arguments: &Arguments) -> Result<(), Failure> {
    while let Some(envelope) = client.next_event().await {
        if matches!(envelope.event, Event::Link(LinkEvent::QrCode { .. })) {
            return Err(Failure::NotPaired(arguments.account.store.clone()));
        }
        print(&envelope, arguments.pretty).map_err(Failure::Output)?;
        // Only now: whoever reads the lines has it.
        client.seen(envelope.id);
        if let Event::Link(event) = &envelope.event
            && let Some(failure) = Failure::of(event)
        {
            return Err(failure);
        }
    }
    Err(Failure::Ended)
}

fn print(envelope: &Envelope, pretty: bool) -> std::io::Result<()> {
    let line = if pretty { pretty::line(envelope) } else { serde_json::to_string(envelope)? };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
