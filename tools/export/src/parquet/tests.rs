//! The tables, read back by the crate that wrote them: shape, statistics, errors. `tests/exports` asks another reader for the
//! values.

use super::Parquet;
use super::table::ROW_GROUP_ROWS;
use crate::Export;
use crate::tests::{STAMP, processor, step, system};
use hypervisor_core::{Elision, Event, Omission, Recorder, Stamp};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::record::{Field, Row};
use std::fs::{self, File};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::{env, process};

/// A file in memory, until it is read.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn reader(&self) -> SerializedFileReader<File> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("paravane-parquet-{}-{number}", process::id()));
        fs::write(&path, &*self.0.lock().unwrap()).unwrap();
        let file = File::open(&path).unwrap();
        fs::remove_file(path).unwrap();
        SerializedFileReader::new(file).unwrap()
    }

    fn rows(&self) -> Vec<Row> {
        self.reader().get_row_iter(None).unwrap().map(Result::unwrap).collect()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
    row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field).expect(name)
}

#[test]
fn rows_of_all_tables_share_one_count() {
    let files: [Memory; 3] = Default::default();
    let mut tables = Parquet::new(&system(), files.clone());
    let mut after = processor();
    after.registers[0] = 0xffff_fffe;
    tables.event(STAMP, &Event::Idle { until_ns: u64::MAX });
    tables.instruction(STAMP, &step(0x10_0004, &[0x90], &after));
    tables.instruction(STAMP, &step(0x20_0000, &[0x40], &after));
    tables.event(STAMP, &Event::ConsoleEnd);
    tables.elided(STAMP, &Elision { since: 4, instructions: 8, events: 0, omission: Omission::Ring });
    tables.finish().unwrap();
    let [instructions, accesses, events] = files.map(|file| file.rows());
    let seq = |rows: &[Row]| rows.iter().map(|row| field(row, "seq").clone()).collect::<Vec<_>>();
    assert_eq!(seq(&instructions), [Field::Long(1), Field::Long(2)]);
    assert_eq!(seq(&accesses), [Field::Long(1), Field::Long(1), Field::Long(2), Field::Long(2)]);
    assert_eq!(seq(&events), [Field::Long(0), Field::Long(3), Field::Long(4)]);
    assert_eq!(field(&instructions[0], "function"), &Field::Str("main".to_owned()));
    assert_eq!(field(&instructions[1], "function"), &Field::Null);
    assert_eq!(field(&instructions[0], "eax"), &Field::UInt(0xffff_fffe));
    assert_eq!(field(&accesses[0], "kind"), &Field::Str("read".to_owned()));
    assert_eq!(field(&accesses[1], "value"), &Field::ULong(u64::MAX));
    assert_eq!(field(&events[0], "value"), &Field::Long(i64::MAX));
    assert_eq!(field(&events[1], "value"), &Field::Null);
    assert_eq!(field(&events[2], "subject"), &Field::Str("ring".to_owned()));
    assert_eq!(field(&events[2], "value"), &Field::Long(8));
}

#[test]
fn a_row_group_is_written_when_it_is_full_and_says_what_it_spans() {
    let files: [Memory; 3] = Default::default();
    let mut tables = Parquet::new(&system(), files.clone());
    let after = processor();
    for instruction in 0..ROW_GROUP_ROWS as u64 + 1 {
        let stamp = Stamp { instruction, ..STAMP };
        tables.instruction(stamp, &emulator::Step { accesses: &[], ..step(0x10_0004, &[0x90], &after) });
    }
    assert_eq!(tables.instructions.rows, 1, "what is written is kept no longer");
    tables.finish().unwrap();
    let reader = files[0].reader();
    let groups = reader.metadata().row_groups();
    let rows: Vec<_> = groups.iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(rows, [ROW_GROUP_ROWS as i64, 1]);
    let Some(Statistics::Int64(seq)) = groups[0].column(0).statistics() else { panic!("no statistics") };
    assert_eq!((seq.min_opt(), seq.max_opt()), (Some(&0), Some(&(ROW_GROUP_ROWS as i64 - 1))));
    let about = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert!(about.iter().any(|pair| pair.key == "units a second"), "{about:?}");
}

/// Has no room.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_error_of_the_file_is_told_at_the_end() {
    let mut tables = Parquet::new(&system(), [Full, Full, Full]);
    tables.instruction(STAMP, &step(0x10_0004, &[0x90], &processor()));
    assert_eq!(tables.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
}
