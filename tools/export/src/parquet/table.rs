//! A table on its way into a Parquet file: values are collected row by row and written column by column.
//!
//! Not here: which columns there are.

use super::columns::{Description, Kind, Text, Texts, Values};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use std::io::{self, Write};
use std::sync::Arc;
use trace::TracedSystem;

/// Rows in a row group. A reader can skip a row group by its statistics, and give each to a thread of its own.
pub const ROW_GROUP_ROWS: usize = 1 << 20;
/// Rows in a page. Statistics of pages stay in memory until the end of the file.
const PAGE_ROWS: usize = 1 << 17;
/// Texts that are written in one call.
const BATCH_ROWS: usize = 1 << 12;

/// A table.
pub struct Table<W: Write + Send> {
    columns: Vec<Values>,
    /// Rows that are not written yet.
    pub rows: usize,
    /// The column of the next value.
    next: usize,
    writer: Result<SerializedFileWriter<W>, Option<io::Error>>,
}

impl<W: Write + Send> Table<W> {
    /// An empty table of a run of this system.
    pub fn new(columns: &[Description], system: &TracedSystem, out: W) -> Self {
        Self {
            columns: columns.iter().map(|column| Values::of(column.kind)).collect(),
            rows: 0,
            next: 0,
            writer: begin(columns, system, out).map_err(|error| Some(io_error(error))),
        }
    }

    /// The next value of the row, of 64 bits.
    pub fn long(&mut self, value: i64) {
        if let Some(Values::Long(values, _)) = self.column() {
            values.push(value);
        }
    }

    /// The next value of the row, of 64 bits or absent.
    pub fn optional_long(&mut self, value: Option<i64>) {
        if let Some(Values::Long(values, present)) = self.column() {
            values.extend(value);
            present.push(i16::from(value.is_some()));
        }
    }

    /// The next value of the row, of 32 bits.
    pub fn word(&mut self, value: u32) {
        if let Some(Values::Word(values, _)) = self.column() {
            values.push(value.cast_signed());
        }
    }

    /// The next value of the row, of 32 bits or absent.
    pub fn optional_word(&mut self, value: Option<u32>) {
        if let Some(Values::Word(values, present)) = self.column() {
            values.extend(value.map(u32::cast_signed));
            present.push(i16::from(value.is_some()));
        }
    }

    /// The next value of the row, a text or absent. A text belongs to one column.
    pub fn text(&mut self, text: Option<&mut Text>) {
        if let Some(Values::Text(texts)) = self.column() {
            texts.push(text);
        }
    }

    /// Ends the row.
    pub fn end_row(&mut self) {
        debug_assert_eq!(self.next, self.columns.len(), "a row has a value for each column");
        self.next = 0;
        self.rows += 1;
        if self.rows == ROW_GROUP_ROWS {
            self.write_row_group();
        }
    }

    /// Writes the last rows and the end of the file.
    ///
    /// # Errors
    /// The first error of any write.
    pub fn finish(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.write_row_group();
        }
        match &mut self.writer {
            Ok(writer) => writer.finish().map(drop).map_err(io_error),
            Err(error) => match error.take() {
                Some(error) => Err(error),
                None => Ok(()),
            },
        }
    }

    fn column(&mut self) -> Option<&mut Values> {
        self.next += 1;
        self.columns.get_mut(self.next - 1)
    }

    fn write_row_group(&mut self) {
        if let Ok(writer) = &mut self.writer
            && let Err(error) = write_row_group(writer, &self.columns)
        {
            self.writer = Err(Some(io_error(error)));
        }
        self.rows = 0;
        self.columns.iter_mut().for_each(Values::clear);
    }
}

fn begin<W: Write + Send>(
    columns: &[Description],
    system: &TracedSystem,
    out: W,
) -> Result<SerializedFileWriter<W>, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("paravane {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: 0,
            descending: false,
            nulls_first: false,
        }]))
        .set_key_value_metadata(Some(about(system)));
    for column in columns.iter().filter(|column| column.kind == Kind::Rising) {
        let path = ColumnPath::from(column.name);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    let schema = Arc::new(parse_message_type(&schema(columns))?);
    SerializedFileWriter::new(out, schema, Arc::new(properties.build()))
}

/// What the file says of the run: the rate of its clock and the images of its partitions.
fn about(system: &TracedSystem) -> Vec<KeyValue> {
    let rate = system.rate.units_per_second().to_string();
    let images = system.partitions.iter().map(|partition| {
        KeyValue::new(format!("image of {}", partition.name), format!("{:032x}", partition.image.hash))
    });
    std::iter::once(KeyValue::new("units a second".to_owned(), rate)).chain(images).collect()
}

fn schema(columns: &[Description]) -> String {
    let mut schema = "message rows {".to_owned();
    for Description { name, kind, optional } in columns {
        let repetition = if *optional { "OPTIONAL" } else { "REQUIRED" };
        let (physical, logical) = match kind {
            Kind::Rising | Kind::Long => ("INT64", ""),
            Kind::UnsignedLong => ("INT64", "(INTEGER(64,false))"),
            Kind::Word => ("INT32", "(INTEGER(32,false))"),
            Kind::Text => ("BYTE_ARRAY", "(STRING)"),
            Kind::Bytes => ("BYTE_ARRAY", ""),
        };
        schema += &format!(" {repetition} {physical} {name} {logical};");
    }
    schema + " }"
}

fn write_row_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    columns: &[Values],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for values in columns {
        let Some(mut column) = group.next_column()? else { break };
        match values {
            Values::Long(values, present) => {
                column.typed::<Int64Type>().write_batch(values, levels(present), None)?;
            }
            Values::Word(values, present) => {
                column.typed::<Int32Type>().write_batch(values, levels(present), None)?;
            }
            Values::Text(texts) => write_texts(&mut column, texts)?,
        }
        column.close()?;
    }
    group.close().map(drop)
}

/// Definition levels are written for optional columns only.
fn levels(present: &[i16]) -> Option<&[i16]> {
    (!present.is_empty()).then_some(present)
}

fn write_texts(column: &mut SerializedColumnWriter<'_>, texts: &Texts) -> Result<(), ParquetError> {
    let mut rows = texts.rows();
    let mut values: Vec<ByteArray> = Vec::with_capacity(BATCH_ROWS);
    let mut present = Vec::with_capacity(BATCH_ROWS);
    loop {
        values.clear();
        present.clear();
        for text in rows.by_ref().take(BATCH_ROWS) {
            values.extend(text.cloned());
            present.push(i16::from(text.is_some()));
        }
        if present.is_empty() {
            return Ok(());
        }
        // A column that is not optional ignores them.
        column.typed::<ByteArrayType>().write_batch(&values, Some(&present), None)?;
    }
}

fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}
