//! The guest's console input: a pipe or file, a terminal, or a recording.
//!
//! Stdin is not touched before the guest asks for input for the first time, so that a guest that wants none neither
//! waits for it nor takes it from the programs after it. A pipe or file is then read to its end and counts as there
//! since virtual time 0; a recording is given at the same moment, so that its run has the same trace. Of a terminal each
//! line arrives when it was typed, and virtual time follows the host's clock while the guest waits.

use crate::arguments::RunOptions;
use crate::output::{Ended, Output};

use hypervisor_core::clock::Rate;
use hypervisor_core::{Arrival, Input, Machine};
use recording::recorded_input::{self, Identity};
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// So often a second a busy guest on a terminal is interrupted to look for input.
const LOOKS_A_SECOND: u64 = 100;
/// More piped input than this is a mistake, and would fill the host's memory.
const PIPED_MOST_BYTES: u64 = 1 << 30;

/// Where the console input comes from, and where it is recorded.
pub struct ConsoleInput {
    source: Source,
    recording: Option<Recording>,
}

enum Source {
    /// Stdin, not touched so far.
    Stdin,
    /// A recording, not given so far.
    Recorded(Vec<Input>),
    /// A pipe or a recording, of which everything was given.
    Given,
    Terminal(Terminal),
}

impl ConsoleInput {
    /// Whether a person sits at the console of a run with these options.
    pub fn is_interactive(options: &RunOptions) -> bool {
        options.replay.is_none() && io::stdin().is_terminal()
    }

    /// Begins a recording or reads one, as the options say, for what is run.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn open(options: &RunOptions, identity: &Identity) -> Result<Self, Ended> {
        let recording =
            options.record.as_deref().map(|path| Output::file(path).map_err(Ended::Failed)).transpose()?;
        let recording = recording.map(|file| Recording::begin(file, identity)).transpose()?;
        let Some(path) = &options.replay else {
            return Ok(Self { source: Source::Stdin, recording });
        };
        let failed = |why: String| Ended::Failed(format!("{}: {why}", path.display()));
        let text = recorded_text(path).map_err(failed)?;
        let inputs = recorded_input::read(&text, identity).map_err(failed)?;
        Ok(Self { source: Source::Recorded(inputs), recording })
    }

    /// Units after which the machine has to look for input, if it has to.
    pub fn slice_units(&self, rate: Rate) -> Option<u64> {
        matches!(self.source, Source::Terminal(_)).then_some(rate.units_per_second() / LOOKS_A_SECOND)
    }

    /// The guest asks for input for the first time.
    ///
    /// # Errors
    /// Stdin cannot be read.
    pub fn wanted(&mut self, machine: &mut Machine) -> Result<(), Ended> {
        match std::mem::replace(&mut self.source, Source::Given) {
            Source::Stdin if io::stdin().is_terminal() => {
                self.source = Source::Terminal(Terminal::open(machine));
            }
            Source::Stdin => machine.give_whole_input(piped_bytes()?),
            Source::Recorded(inputs) => {
                for input in inputs {
                    machine.give_input(input);
                }
            }
            other @ (Source::Given | Source::Terminal(_)) => self.source = other,
        }
        Ok(())
    }

    /// Gives what was typed meanwhile, while the guest is busy.
    pub fn poll(&mut self, machine: &mut Machine) {
        if let Source::Terminal(terminal) = &mut self.source {
            terminal.poll(machine);
        }
    }

    /// The guest waits; up to `until_units`, if that is known, or else for input alone.
    ///
    /// # Errors
    /// No input will ever come.
    pub fn wait(&mut self, until_units: Option<u64>, machine: &mut Machine) -> Result<(), Ended> {
        match (&mut self.source, until_units) {
            (Source::Terminal(terminal), _) => terminal.wait(until_units, machine),
            (_, Some(until)) => {
                machine.idle_until(until);
                Ok(())
            }
            (Source::Stdin | Source::Recorded(_), None) => self.wanted(machine),
            (Source::Given, None) => Err(Ended::Failed(
                "the recording is over and the guest waits for more input: it was cut off when it was recorded"
                    .to_owned(),
            )),
        }
    }

    /// Writes down what has arrived since the last time.
    ///
    /// # Errors
    /// The recording cannot be written.
    pub fn record(&mut self, machine: &Machine) -> Result<(), Ended> {
        let Some(recording) = &mut self.recording else { return Ok(()) };
        match self.source {
            Source::Terminal(_) => recording.add(machine.arrived_input(), |input| input.unit),
            // A pipe is all there from the start, whenever it was read.
            Source::Stdin | Source::Recorded(_) | Source::Given => {
                recording.add(machine.arrived_input(), |_| 0)
            }
        }
    }
}

fn recorded_text(path: &Path) -> Result<String, String> {
    let bytes = recording::files::bytes_of(path)?;
    if recording::is_recording(&bytes) {
        return Err(
            "this is a whole run, which `paravane show` shows: name a file that --record wrote".to_owned()
        );
    }
    String::from_utf8(bytes).map_err(|_| "this is no text: name a file that --record wrote".to_owned())
}

/// Everything on stdin, which is a pipe or a file.
fn piped_bytes() -> Result<Vec<u8>, Ended> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(PIPED_MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| Ended::Failed(format!("cannot read stdin: {error}")))?;
    if bytes.len() as u64 > PIPED_MOST_BYTES {
        return Err(Ended::Failed("stdin holds more than 1 GiB: give the guest less input".to_owned()));
    }
    Ok(bytes)
}

/// A recording that grows with the run, so that it is whole whenever the run is broken off.
struct Recording {
    file: Output,
    written: usize,
}

impl Recording {
    fn begin(mut file: Output, identity: &Identity) -> Result<Self, Ended> {
        file.write(recorded_input::head(identity).as_bytes())?;
        file.flush()?;
        Ok(Self { file, written: 0 })
    }

    fn add(&mut self, arrived: &[Input], unit: fn(&Input) -> u64) -> Result<(), Ended> {
        if arrived.len() == self.written {
            return Ok(());
        }
        for input in &arrived[self.written..] {
            let input = Input { unit: unit(input), what: input.what.clone() };
            self.file.write(recorded_input::line(&input).as_bytes())?;
        }
        self.written = arrived.len();
        self.file.flush()
    }
}

/// Lines typed by a person, read by a thread of their own.
struct Terminal {
    typed: Receiver<Arrival>,
    /// An instant of the host and the unit of virtual time that it stands for.
    base: (Instant, u64),
    rate: Rate,
}

impl Terminal {
    fn open(machine: &Machine) -> Self {
        let (sender, typed) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let arrival = match io::stdin().lock().read(&mut bytes) {
                    Ok(0) | Err(_) => Arrival::End,
                    Ok(length) => Arrival::Bytes(bytes[..length].to_vec()),
                };
                let is_end = arrival == Arrival::End;
                if sender.send(arrival).is_err() || is_end {
                    return;
                }
            }
        });
        let clock = machine.clock();
        Self { typed, base: (Instant::now(), clock.units()), rate: clock.rate() }
    }

    fn poll(&mut self, machine: &mut Machine) {
        loop {
            match self.typed.try_recv() {
                Ok(what) => machine.give_input(Input { unit: machine.clock().units(), what }),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    fn wait(&mut self, until_units: Option<u64>, machine: &mut Machine) -> Result<(), Ended> {
        let received = match until_units {
            None => self.typed.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until) => self.typed.recv_timeout(self.host_time_to(until)),
        };
        match (received, until_units) {
            (Ok(what), _) => {
                let now = machine.clock().units();
                let unit = self.unit_of(Instant::now()).max(now).min(until_units.unwrap_or(u64::MAX));
                machine.idle_until(unit);
                machine.give_input(Input { unit, what });
                Ok(())
            }
            (Err(RecvTimeoutError::Timeout), Some(until)) => {
                machine.idle_until(until);
                Ok(())
            }
            // After the end of the input there is nothing to wake up for but the guest's own timer.
            (Err(RecvTimeoutError::Disconnected), Some(until)) => {
                thread::sleep(self.host_time_to(until));
                machine.idle_until(until);
                Ok(())
            }
            (Err(_), None) => {
                Err(Ended::Failed("the terminal was closed and the guest waits for input".to_owned()))
            }
        }
    }

    /// How long it is until the host's clock shows this unit.
    fn host_time_to(&self, unit: u64) -> Duration {
        let ns = self.rate.nanoseconds(unit.saturating_sub(self.base.1));
        Duration::from_nanos(ns).saturating_sub(self.base.0.elapsed())
    }

    fn unit_of(&self, instant: Instant) -> u64 {
        let ns = u64::try_from(instant.duration_since(self.base.0).as_nanos()).unwrap_or(u64::MAX);
        self.base.1.saturating_add(self.rate.first_unit_at(ns))
    }
}

#[cfg(test)]
mod tests {
    use super::{ConsoleInput, Source, Terminal};
    use hypervisor_core::{Arrival, Config, Image, Limits, Machine, Outcome, Progress, Unrecorded};
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::time::Instant;

    fn echo(interactive: bool) -> Machine {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-images/prebuilt/echo.elf");
        let image = Image::read(&std::fs::read(path).unwrap()).unwrap();
        Machine::new(Arc::new(image), Config { interactive, ..Config::default() }).unwrap()
    }

    /// Runs to the end with what `input` gives, and returns what the guest printed.
    fn finish(machine: &mut Machine, input: &mut ConsoleInput) -> Vec<u8> {
        let mut console = Vec::new();
        loop {
            let progress = machine.run(&Limits::default(), &mut Unrecorded);
            console.extend(machine.take_output());
            match progress {
                Progress::Output => {}
                Progress::Slice => input.poll(machine),
                Progress::InputWanted => input.wanted(machine).unwrap(),
                Progress::Idle { until_units } => input.wait(until_units, machine).unwrap(),
                Progress::Finished(outcome) => {
                    assert_eq!(outcome, Outcome::Shutdown { code: 0 });
                    return console;
                }
            }
        }
    }

    #[test]
    fn what_was_typed_and_recorded_makes_the_same_run_again() {
        let mut machine = echo(true);
        let (sender, typed) = channel();
        for arrival in [Arrival::Bytes(b"one\n".to_vec()), Arrival::Bytes(b"two\n".to_vec()), Arrival::End] {
            sender.send(arrival).unwrap();
        }
        let terminal = Terminal { typed, base: (Instant::now(), 0), rate: machine.clock().rate() };
        let mut input = ConsoleInput { source: Source::Terminal(terminal), recording: None };
        let console = finish(&mut machine, &mut input);
        assert!(console.starts_with(b"one\ntwo\n"), "{}", String::from_utf8_lossy(&console));

        let recorded = machine.arrived_input().to_vec();
        assert_eq!(recorded.len(), 3);
        let mut again = echo(false);
        let mut input = ConsoleInput { source: Source::Recorded(recorded), recording: None };
        assert_eq!(finish(&mut again, &mut input), console);
        assert_eq!((again.stamp(), again.digest()), (machine.stamp(), machine.digest()));
    }
}
