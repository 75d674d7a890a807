//! `pair`: links this device to a phone, by QR code or by a code to be typed.

use std::io::{IsTerminal as _, Write as _};

use sanswire::event::{DownReason, Event, LinkEvent};
use sanswire::link::{PairCode, Relink};
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
    /// Link with a code to be typed into the phone of this number, instead of a QR code
    #[arg(long, value_name = "PHONE")]
    code: Option<String>,
    /// The code to use: eight characters of 1-9 and A-Z without I, O, U [default: a random one]
    #[arg(long, value_name = "CODE", requires = "code")]
    custom: Option<String>,
    /// Do not have the phone show a notification about the code
    #[arg(long, requires = "code")]
    quiet: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut config = arguments.account.config();
    config.profile.push_name.clone_from(&arguments.name);
    arguments.account.run(config, async |client| pair(client, arguments).await)
}

/// Shows codes until the phone has taken one and this device is logged in.
async fn pair(client: &Handle, arguments: &Arguments) -> Result<(), Failure> {
    let mut paired = None;
    let mut asked = false;
    while let Some(envelope) = client.next_event().await {
        let Event::Link(event) = envelope.event else { continue };
        match event {
            LinkEvent::QrCode { text, valid_s } => match &arguments.code {
                None => show(&text, valid_s, arguments.plain)?,
                Some(_) if asked => {}
                Some(phone) => {
                    asked = true;
                    ask_for_code(client, phone, arguments).await?;
                }
            },
            LinkEvent::CodeRefresh { .. } => {
                return Err(Failure::Refused(
                    "the code was not used in time: ask for another one".to_owned(),
                ));
            }
            LinkEvent::CodeFailed { error } => {
                return Err(Failure::Refused(format!("linking with the code failed: {error}")));
            }
            LinkEvent::PasskeyWanted { .. } => {
                return Err(Failure::Refused(
                    "the server wants a passkey, which takes an application with an authenticator (`sanswire rpc`)"
                        .to_owned(),
                ));
            }
            LinkEvent::Paired { pn, .. } => paired = Some(pn),
            LinkEvent::PairingFailed { error } => {
                return Err(Failure::Refused(format!("pairing failed: {error}")));
            }
            // Whoever says `pair` wants this storage linked: it begins anew, with new keys.
            LinkEvent::Down { reason: DownReason::LoggedOut { .. }, .. } if paired.is_none() => {
                eprintln!("sanswire: this device was unlinked; linking it anew");
                client
                    .call(Relink {})
                    .await
                    .map_err(|error| Failure::operation(error, arguments.account.store.clone()))?;
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

/// Asks for a code and shows it.
async fn ask_for_code(client: &Handle, phone: &str, arguments: &Arguments) -> Result<(), Failure> {
    let wanted = PairCode {
        phone: phone.to_owned(),
        code: arguments.custom.clone(),
        notify: !arguments.quiet,
        display: None,
    };
    let shown = client.call(wanted).await;
    let shown = shown.map_err(|error| Failure::operation(error, arguments.account.store.clone()))?;
    say(&shown.code)?;
    say(&format!(
        "Type this into the phone (Linked devices, Link with phone number) within {} seconds.",
        shown.valid_s
    ))
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
