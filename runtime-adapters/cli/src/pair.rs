//! `pair`: links this device to a phone.

use std::io::{IsTerminal as _, Write as _};

use sanswire::event::{DownReason, Event, LinkEvent};
use sanswire_driver::Handle;

use crate::account::Account;
use crate::failure::{Failure, in_words};
use crate::qr;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: Account,
    /// Print the text of each QR code as well
    #[arg(long)]
    plain: bool,
    /// Name to announce to the server
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut config = arguments.account.config();
    config.profile.push_name.clone_from(&arguments.name);
    arguments.account.run(config, async |client| pair(client, arguments.plain).await)
}

/// Shows codes until one is scanned and this device is logged in.
async fn pair(client: &Handle, plain: bool) -> Result<(), Failure> {
    let mut paired = None;
    while let Some(envelope) = client.next_event().await {
        let Event::Link(event) = envelope.event else { continue };
        match event {
            LinkEvent::QrCode { text, valid_s } => show(&text, valid_s, plain)?,
            LinkEvent::Paired { pn, .. } => paired = Some(pn),
            LinkEvent::PairingFailed { error } => {
                return Err(Failure::Refused(format!("pairing failed: {error}")));
            }
            LinkEvent::Ready => {
                let words = match paired {
                    Some(pn) => format!("paired as {pn}"),
                    None => "this store is paired already".to_owned(),
                };
                return say(&words);
            }
            LinkEvent::Down { ref reason, .. } => match Failure::of(&event) {
                Some(failure) => return Err(failure),
                None => complain(client, reason),
            },
            _ => {}
        }
    }
    Err(Failure::Ended)
}

fn show(text: &str, valid_s: u32, plain: bool) -> Result<(), Failure> {
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let drawing = qr::draw(text, colours)
        .map_err(|error| Failure::Argument(format!("cannot draw a QR code: {error}")))?;
    say(&drawing)?;
    if plain {
        say(text)?;
    }
    say(&format!("Scan this with the phone (Linked devices) within {valid_s} seconds."))
}

fn say(words: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{words}").and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Tells of a connection that broke and is made again.
pub(crate) fn complain(client: &Handle, reason: &DownReason) {
    if *reason == DownReason::Restart {
        return;
    }
    let reason = in_words(reason);
    match client.trouble() {
        Some(trouble) => eprintln!("sanswire: {reason} ({trouble})"),
        None => eprintln!("sanswire: {reason}"),
    }
}
