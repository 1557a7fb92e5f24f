//! Words for places and instants of a traced system: `main+0x4`, `nav:#100`, `10ms`, `trap:#PF`.

use hypervisor_core::PartitionId;
use hypervisor_core::loader::{Symbol, Symbols};
use system_file::quantities::{parse_count, parse_duration};
use system_file::suggestion::{listed, nearest};
use trace::filter::{Instant, Places, Trigger};
use trace::{TracedSystem, exception_named};

/// How far a symbol reaches of which the file says no length, if no other follows.
const LABEL_MOST_BYTES: u32 = 4096;

/// What words can mean.
pub struct Words<'a> {
    /// The system.
    pub system: &'a TracedSystem,
    /// Of each partition, whether it is shown.
    pub shown: &'a [bool],
}

/// The first and the last address of a place in a partition.
pub type Extent = (u32, u32);

impl Words<'_> {
    /// The instant that `text` names.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn trigger(&self, text: &str) -> Result<Trigger, String> {
        let (partition, what) = self.partition(text)?;
        let what = self.instant(partition, what)?;
        Ok(Trigger { partition, what })
    }

    /// The places that `texts` name together.
    ///
    /// # Errors
    /// What is wrong with them, and what to write.
    pub fn places(&self, texts: &[String]) -> Result<Places, String> {
        let mut places = Places::none(self.system.partitions.len());
        for text in texts {
            for (number, (first, last)) in self.extents(text)? {
                places.add(number, first, last);
            }
        }
        Ok(places)
    }

    /// What `text` names in each partition that may be meant: its number, and from where to where.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn extents(&self, text: &str) -> Result<Vec<(usize, Extent)>, String> {
        let (partition, place) = self.partition(text)?;
        self.in_each(partition, place, range)
    }

    /// The partition before the first colon, if it is one, and the rest. A guest alone has the name of its file, which may
    /// be `mark` as well.
    fn partition<'t>(&self, text: &'t str) -> Result<(Option<PartitionId>, &'t str), String> {
        let is_name = |name: &str| self.system.is_system || !matches!(name, "mark" | "trap");
        let Some((name, rest)) = text.split_once(':').filter(|(name, _)| is_name(name)) else {
            return Ok((None, text));
        };
        match self.system.partitions.iter().position(|partition| partition.name == name) {
            None => Ok((None, text)),
            Some(place) if self.shown[place] => Ok((Some(PartitionId(place as u16)), rest)),
            Some(_) => Err(format!("`{text}` is in a partition that --partition leaves out")),
        }
    }

    fn instant(&self, partition: Option<PartitionId>, text: &str) -> Result<Instant, String> {
        if let Some(number) = text.strip_prefix('#') {
            let number = parse_count(number).map_err(|why| format!("`{text}`: {why}"))?;
            return self.number(partition, number, text);
        }
        if let Some(id) = text.strip_prefix("mark:") {
            let id = number(id).ok_or_else(|| format!("`{text}`: a mark has a number, as in mark:7"))?;
            return Ok(Instant::Mark(id));
        }
        if let Some(vector) = text.strip_prefix("trap:") {
            let known =
                exception_named(vector).or_else(|| number(vector).and_then(|number| number.try_into().ok()));
            let vector = known.ok_or_else(|| {
                format!("`{text}`: a trap is a vector from 0 to 255 or a name, as in trap:14 or trap:#PF")
            })?;
            return Ok(Instant::Trap(vector));
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) && !text.starts_with("0x") {
            if let Ok(number) = parse_count(text) {
                return self.number(partition, number, &format!("#{text}"));
            }
            let time = parse_duration(text).map_err(|_| {
                format!("`{text}` is neither time nor number: write 10ms for a time, 3000 for an instruction's number, 0x3000 for an address")
            })?;
            return Ok(Instant::Time(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)));
        }
        let mut addresses = vec![None; self.system.partitions.len()];
        for (place, address) in self.in_each(partition, text, address)? {
            addresses[place] = Some(address);
        }
        Ok(Instant::Address(addresses))
    }

    fn number(&self, partition: Option<PartitionId>, number: u64, text: &str) -> Result<Instant, String> {
        if partition.is_none() && self.shown.iter().filter(|shown| **shown).count() > 1 {
            let mut names = self.system.partitions.iter().zip(self.shown).filter(|(_, shown)| **shown);
            let name = names.next().map(|(partition, _)| partition.name.as_str()).unwrap_or_default();
            return Err(format!(
                "each partition counts its own instructions: write `{name}:{text}` for one of {}",
                self.names()
            ));
        }
        Ok(Instant::Number(number))
    }

    /// What `text` means in each partition that may be meant.
    fn in_each<T>(
        &self,
        partition: Option<PartitionId>,
        text: &str,
        meaning: impl Fn(&Symbols, &str) -> Result<T, String>,
    ) -> Result<Vec<(usize, T)>, String> {
        let (mut found, mut wrong) = (Vec::new(), None);
        for (place, traced) in self.system.partitions.iter().enumerate() {
            let is_meant = partition.map_or(self.shown[place], |partition| partition.index() == place);
            if !is_meant {
                continue;
            }
            match meaning(&traced.symbols, text) {
                Ok(meant) => found.push((place, meant)),
                Err(why) => wrong = wrong.or(Some(why)),
            }
        }
        match wrong {
            Some(why) if found.is_empty() => Err(self.with_partitions(text, why)),
            _ => Ok(found),
        }
    }

    /// The error, with the partitions that there are if one seems to be meant.
    fn with_partitions(&self, text: &str, why: String) -> String {
        match text.split_once(':') {
            Some((name, rest)) if self.system.is_system => {
                let known = self.system.partitions.iter().map(|partition| partition.name.as_str());
                let meant = nearest(name, known).map(|name| format!(": did you mean `{name}:{rest}`?"));
                let meant = meant.unwrap_or_default();
                format!("`{name}` is no partition, and {why}; the partitions are {}{meant}", self.names())
            }
            Some((name, rest)) if !name.is_empty() && !rest.starts_with(':') => {
                format!("{why}; the only partition is {}: leave `{name}:` out if that is one", self.names())
            }
            _ => why,
        }
    }

    fn names(&self) -> String {
        listed(self.system.partitions.iter().map(|partition| partition.name.as_str()))
    }
}

/// A number of 32 bits, decimal or `0x...`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => hexadecimal(digits),
        None => text.parse().ok().filter(|_| text.starts_with(|c: char| c.is_ascii_digit())),
    }
}

fn hexadecimal(digits: &str) -> Option<u32> {
    u32::from_str_radix(digits, 16).ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_hexdigit()))
}

/// `0x...`, a symbol, or a symbol and an offset.
fn address(symbols: &Symbols, text: &str) -> Result<u32, String> {
    if let Some(symbol) = symbols.named(text) {
        return Ok(symbol.address);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return hexadecimal(digits).ok_or_else(|| format!("`{text}` is no address of 32 bits"));
    }
    if let Some((name, offset)) = text.rsplit_once('+')
        && let Some(symbol) = symbols.named(name)
    {
        let offset = number(offset).ok_or_else(|| match offset {
            "" => format!("`{text}` has no offset: write {name}+0x10"),
            offset => format!("`{offset}` is no offset: write {name}+0x10"),
        })?;
        return Ok(symbol.address.wrapping_add(offset));
    }
    let known = symbols.all().iter().map(|symbol| symbol.name.as_str());
    let name = text.rsplit_once('+').map_or(text, |(name, _)| name);
    let meant = nearest(name, known).map_or_else(
        || "`paravane info --symbols` lists those that there are".to_owned(),
        |name| format!("did you mean `{name}`?"),
    );
    Err(format!("there is no symbol `{name}`: {meant}"))
}

/// All of a symbol, one address, or `START..END`.
fn range(symbols: &Symbols, text: &str) -> Result<Extent, String> {
    if let Some(symbol) = symbols.named(text) {
        return Ok(extent(symbols, symbol));
    }
    let Some((start, end)) = text.split_once("..") else {
        return address(symbols, text).map(|address| (address, address));
    };
    let (first, end) = (address(symbols, start)?, address(symbols, end)?);
    if first >= end {
        return Err(format!("the range `{text}` is empty: it goes from 0x{first:x} to before 0x{end:x}"));
    }
    Ok((first, end - 1))
}

/// From the first to the last byte of a symbol. Without a length it is good up to the next one.
#[must_use]
pub fn extent(symbols: &Symbols, symbol: &Symbol) -> Extent {
    if symbol.length_bytes > 0 {
        return (symbol.address, symbol.address.saturating_add(symbol.length_bytes - 1));
    }
    let after = symbols.all().partition_point(|other| other.address <= symbol.address);
    let next = symbols.all().get(after).map_or(u32::MAX, |next| next.address - 1);
    (symbol.address, next.min(symbol.address.saturating_add(LABEL_MOST_BYTES - 1)))
}
