//! The operations that connect and disconnect, both without touching the credentials. Reference 01 §13.

use serde::{Deserialize, Serialize};

use super::life;
use crate::engine::{Stop, Turn};
use crate::error::OpError;
use crate::ops::{Answer, CallId, Start};

/// Connects now: at the start when [`Config::connect`](crate::Config::connect) is off, after a
/// [`Disconnect`], after a connection that is not made again by itself, or before the back-off is over. Does nothing
/// when there is a connection, or one is being made. The answer says that it was begun; events say what comes of it.
///
/// Fails with [`OpError::NotLoggedIn`] when the device was unlinked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {}

/// Closes the connection and makes no new one until [`Connect`]. The device stays linked; what waits to be sent goes
/// on waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnect {}

impl Start for Connect {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let result = if life::connect(cx) { Ok(Answer::Connect(())) } else { Err(OpError::NotLoggedIn) };
        cx.reply(call, result);
        Ok(())
    }
}

impl Start for Disconnect {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        life::shutdown(cx)?;
        cx.reply(call, Ok(Answer::Disconnect(())));
        Ok(())
    }
}
