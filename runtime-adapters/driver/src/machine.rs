//! What the driver drives.

use sanswire::{Client, Input, Misuse, Now, Output};

/// The two verbs of a client. [`Client`] has them; so does a recorder around one, or a script in a test.
pub trait Machine: Send {
    /// Takes one input.
    ///
    /// # Errors
    /// [`Misuse`] when the caller broke the contract; the input is not taken then.
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse>;

    /// The next thing to do; [`Output::Wait`] when there is nothing more.
    fn poll(&mut self) -> Output;
}

impl Machine for Client {
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        Self::handle(self, input, now)
    }

    fn poll(&mut self) -> Output {
        Self::poll(self)
    }
}
