//! Standard output: results and nothing else, as text for people or as JSON for machines.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

/// Where results go, and in which form.
pub struct Output<'w> {
    writer: &'w mut dyn Write,
    json: bool,
}

impl<'w> Output<'w> {
    /// Results in one of the two forms.
    pub fn new(writer: &'w mut dyn Write, json: bool) -> Self {
        Self { writer, json }
    }

    /// Whether machines read it.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A result in the form that was asked for.
    pub fn show<T: Serialize + Display>(&mut self, result: &T) -> io::Result<()> {
        match self.json {
            true => self.json(result),
            false => write!(self.writer, "{result}").and_then(|()| self.writer.flush()),
        }
    }

    /// A value as JSON.
    pub fn json<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.writer, value).map_err(io::Error::from)?;
        writeln!(self.writer)?;
        self.writer.flush()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// What `work` prints.
    pub fn printed(json: bool, work: impl FnOnce(&mut Output)) -> String {
        let mut written = vec![];
        work(&mut Output::new(&mut written, json));
        String::from_utf8(written).unwrap()
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_an_error_of_that_kind() {
        for json in [false, true] {
            let error = Output::new(&mut Closed, json).show(&"text").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        }
    }
}
