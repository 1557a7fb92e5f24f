//! How much of a run a page holds. The sum of it, with what surrounds it, is less than [`PAGE_BYTES_MOST`], whatever the run did: a test
//! holds that.

/// The length of a page in bytes.
pub const PAGE_BYTES_MOST: usize = 16 << 20;

/// Bins of all partitions together, of four bytes each.
pub const BINS_MOST: usize = 1 << 19;
/// Bins of one partition.
pub const PARTITION_BINS_MOST: usize = 4096;
/// Windows in all kinds of frames.
pub const FRAME_WINDOWS_MOST: usize = 40_000;
/// Runs of frames that repeat.
pub const FRAME_RUNS_MOST: usize = 20_000;
/// Single events and arrows from the beginning of the run.
pub const FIRST_MOST: usize = 50_000;
/// Single events and arrows from its end.
pub const LAST_MOST: usize = 50_000;
/// Single events and arrows around what the health monitor did and around crashes.
pub const AROUND_MOST: usize = 20_000;
/// So many of them before and after each.
pub const AROUND_EACH: usize = 250;
/// What is shown however far one looks: health, restarts, crashes, marks.
pub const NOTABLE_MOST: usize = 10_000;
/// Bytes of all texts of events.
pub const WORDS_BYTES_MOST: usize = 3 << 20;
/// Bytes of the first lines of the console, and of the last ones.
pub const CONSOLE_BYTES_MOST: usize = 512 << 10;
/// Bytes of a line of the console; a longer one is cut in two.
pub const LINE_BYTES_MOST: usize = 1024;
/// Bytes of a name or a text of an event.
pub const LABEL_BYTES_MOST: usize = 240;
/// Rows of functions.
pub const FUNCTIONS_MOST: usize = 2000;
/// Functions of one partition.
pub const PARTITION_FUNCTIONS_MOST: usize = 200;
/// Source lines.
pub const LINES_MOST: usize = 2000;
/// Source lines of one partition.
pub const PARTITION_LINES_MOST: usize = 500;
/// Sources of events of all partitions.
pub const SOURCES_MOST: usize = 2048;
/// Kinds of calls of all partitions.
pub const CALLS_MOST: usize = 2048;
/// Channels of messages and events.
pub const CHANNELS_MOST: usize = 1024;
/// Values that a distribution tells apart before it rounds them.
pub const VALUES_MOST: usize = 4096;
/// Bars of a histogram.
pub const BARS_MOST: usize = 64;
/// Cause and effect: causes that wait for their effect.
pub const CAUSES_MOST: usize = 1 << 16;
