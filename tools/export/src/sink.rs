//! Where an export writes: some kilobytes at a time, up to the first error.
//!
//! Not here: files. A recorder cannot fail, so that an error waits for the export's end.

use std::io::{self, Write};

/// So much is collected before it is written.
const CHUNK_BYTES: usize = 1 << 16;

/// A writer that keeps its first error and writes nothing after it.
#[derive(Debug)]
pub struct Sink<W> {
    out: W,
    waiting: Vec<u8>,
    failed: Option<io::Error>,
}

impl<W: Write> Sink<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, waiting: Vec::with_capacity(CHUNK_BYTES), failed: None }
    }

    /// What waits to be written; append to it, then call [`Sink::settle`].
    pub fn waiting(&mut self) -> &mut Vec<u8> {
        &mut self.waiting
    }

    /// Writes what waits if it is much.
    pub fn settle(&mut self) {
        if self.waiting.len() >= CHUNK_BYTES {
            self.write();
        }
    }

    /// Writes all that waits.
    ///
    /// # Errors
    /// The first error of any write.
    pub fn finish(&mut self) -> io::Result<()> {
        self.write();
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn write(&mut self) {
        if self.failed.is_none() {
            self.failed = self.out.write_all(&self.waiting).err();
        }
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_BYTES, Sink};
    use std::io::{self, Write};

    /// Has room for so many bytes and counts what it was asked to write after that.
    struct Disk {
        room: usize,
        refused: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room < bytes.len() {
                self.refused += 1;
                return Err(io::Error::other(format!("full, {} times", self.refused)));
            }
            self.room -= bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_first_error_is_kept_and_nothing_is_written_after_it() {
        let mut sink = Sink::new(Disk { room: CHUNK_BYTES, refused: 0 });
        for _ in 0..3 {
            sink.waiting().resize(CHUNK_BYTES, 0);
            sink.settle();
        }
        assert_eq!(sink.finish().unwrap_err().to_string(), "full, 1 times");
        assert_eq!(sink.out.refused, 1);
    }

    #[test]
    fn little_waits_and_much_does_not() {
        let mut sink = Sink::new(Vec::new());
        sink.waiting().extend_from_slice(b"abc");
        sink.settle();
        assert!(sink.out.is_empty());
        sink.waiting().resize(CHUNK_BYTES, b'd');
        sink.settle();
        assert_eq!(sink.out.len(), CHUNK_BYTES);
        sink.waiting().push(b'e');
        sink.finish().unwrap();
        assert_eq!(sink.out.len(), CHUNK_BYTES + 1);
    }
}
