//! The lines of a file of Callgrind's format 1, with names told once and numbered after that.
//!
//! Not here: the costs.

use hypervisor_core::PartitionId;
use std::collections::HashMap;
use std::io::{self, Write};
use trace::{Function, FunctionId, SourceLines, TracedSystem, readable_name};

/// What stands for a file that nobody knows, as Callgrind writes it. In a system it is the partition, because callgrind_annotate tells
/// functions apart by file and name only.
const UNKNOWN: &str = "???";

/// Writes the lines.
pub struct Text<W> {
    source: SourceLines,
    partition: PartitionId,
    /// The file of code without a line.
    unknown: String,
    is_system: bool,
    /// The numbers of the files, told or not.
    files: HashMap<String, usize>,
    functions: HashMap<(PartitionId, FunctionId), usize>,
    /// The file of the function, and that of the lines that come.
    own_file: String,
    file: String,
    out: W,
}

impl<W: Write> Text<W> {
    pub fn new(system: &TracedSystem, out: W) -> Self {
        Self {
            source: SourceLines::new(system),
            partition: PartitionId(0),
            unknown: UNKNOWN.to_owned(),
            is_system: system.is_system,
            files: HashMap::new(),
            functions: HashMap::new(),
            own_file: String::new(),
            file: String::new(),
            out,
        }
    }

    pub fn header(&mut self, system: &TracedSystem, instructions: u64) -> io::Result<()> {
        let names: Vec<_> = system.partitions.iter().map(|partition| one_line(&partition.name)).collect();
        writeln!(self.out, "# callgrind format\nversion: 1\ncreator: paravane\ncmd: {}", names.join(", "))?;
        writeln!(self.out, "positions: instr line\nevents: Ir\nsummary: {instructions}")
    }

    pub fn partition(&mut self, partition: PartitionId, name: &str) -> io::Result<()> {
        self.partition = partition;
        if self.is_system {
            self.unknown = format!("[{}]", one_line(name));
        }
        writeln!(self.out, "\nob=({}) {}", partition.0 + 1, one_line(name))
    }

    /// Instructions that are no function's, because the trace has only their number.
    pub fn left_out(&mut self, instructions: u64) -> io::Result<()> {
        if instructions == 0 {
            return Ok(());
        }
        let unknown = self.unknown.clone();
        let file = self.file_name(&unknown);
        // No function has this number, and no other partition has it.
        let number = usize::MAX - self.partition.index();
        writeln!(self.out, "\nfl={file}\nfn=({number}) (left out)\n0x0 0 {instructions}")
    }

    pub fn function(&mut self, function: &Function, id: FunctionId) -> io::Result<()> {
        let (file, _) = self.line(function.entry);
        let (file_name, name) = (self.file_name(&file), self.function_name(function, id));
        writeln!(self.out, "\nfl={file_name}\nfn={name}")?;
        (self.own_file, self.file) = (file.clone(), file);
        Ok(())
    }

    /// What an instruction cost.
    pub fn own(&mut self, address: u32, instructions: u64) -> io::Result<()> {
        let line = self.stand_at(address)?;
        if instructions > 0 { writeln!(self.out, "0x{address:x} {line} {instructions}") } else { Ok(()) }
    }

    /// How often an instruction called a function, and what that cost.
    pub fn call(
        &mut self,
        address: u32,
        (callee, id): (&Function, FunctionId),
        times: u64,
        instructions: u64,
    ) -> io::Result<()> {
        let line = self.stand_at(address)?;
        let (file, callee_line) = self.line(callee.entry);
        let (file, name) = (self.file_name(&file), self.function_name(callee, id));
        writeln!(self.out, "cfi={file}\ncfn={name}\ncalls={times} 0x{:x} {callee_line}", callee.entry)?;
        writeln!(self.out, "0x{address:x} {line} {instructions}")
    }

    /// Says in which file the address is, if it is another than before.
    fn stand_at(&mut self, address: u32) -> io::Result<u32> {
        let (file, line) = self.line(address);
        if file != self.file {
            let key = if file == self.own_file { "fe" } else { "fi" };
            let name = self.file_name(&file);
            writeln!(self.out, "{key}={name}")?;
            self.file = file;
        }
        Ok(line)
    }

    fn line(&self, address: u32) -> (String, u32) {
        let line = self.source.line(self.partition, address);
        line.map_or_else(|| (self.unknown.clone(), 0), |line| (one_line(line.file), line.line))
    }

    fn file_name(&mut self, file: &str) -> String {
        if let Some(number) = self.files.get(file) {
            return format!("({number})");
        }
        let number = self.files.len() + 1;
        self.files.insert(file.to_owned(), number);
        format!("({number}) {file}")
    }

    fn function_name(&mut self, function: &Function, id: FunctionId) -> String {
        if let Some(number) = self.functions.get(&(self.partition, id)) {
            return format!("({number})");
        }
        let number = self.functions.len() + 1;
        self.functions.insert((self.partition, id), number);
        format!("({number}) {}", one_line(&readable_name(&function.name)))
    }
}

/// A name ends at the end of its line.
fn one_line(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}
