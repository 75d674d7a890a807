//! `serve`: the simulated server for other people's clients. Reference 14.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::Write as _;

use base64ct::{Base64, Encoding as _};
use sanswire_sim::serve::{ServeOptions, serve};
use sanswire_sim::server::Config;

use crate::failure::Failure;
use crate::stop;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Announce wss://, and print the certificate as PEM in the field `tls_root` (TLS is understood either way)
    #[arg(long)]
    tls: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let options = ServeOptions { config: config()?, tls: arguments.tls, ..ServeOptions::default() };
    let running = serve(arguments.listen, options).map_err(|error| {
        Failure::Server(std::io::Error::new(
            error.kind(),
            format!("cannot listen on {}: {error}", arguments.listen),
        ))
    })?;
    let mut ready =
        serde_json::json!({ "ready": true, "url": running.url(), "cert_root": hex(&running.cert_root()) });
    if arguments.tls {
        ready["tls_root"] = running.tls_root().into();
    }
    writeln!(std::io::stdout(), "{ready}").map_err(Failure::Output)?;
    smol::block_on(stop::interrupted());
    running.shutdown();
    Ok(())
}

/// The settings that published suites give by environment variables. Reference 14 §4.
fn config() -> Result<Config, Failure> {
    let mut config = Config::default();
    if let Ok(text) = std::env::var("CHATSTATE_TTL_SECS") {
        let seconds =
            text.parse().map_err(|_| Failure::Argument("CHATSTATE_TTL_SECS is not a number".to_owned()))?;
        config.chat_state_ttl = Duration::from_secs(seconds);
    }
    if let Ok(text) = std::env::var("ADV_SECRET_KEY") {
        let mut key = [0; 32];
        match Base64::decode(&text, &mut key) {
            Ok(decoded) if decoded.len() == 32 => config.adv_secret = Some(key),
            _ => return Err(Failure::Argument("ADV_SECRET_KEY is not 32 bytes of base64".to_owned())),
        }
    }
    Ok(config)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
