//! Names for the pages that the core lays out beside a partition's RAM: `shared_page.mask`,
//! `hypercall.console_write`. For traces and reports; the guest has its own.

use crate::abi::{CALLS, HYPERCALL_STUB_BYTES, STRUCTS};
use crate::boot::{COUNT_PAGE, HYPERCALL_PAGE, SHARED_PAGE, START_INFO};
use crate::loader::{Symbol, SymbolKind};

/// The names, in no particular order.
#[must_use]
pub fn own_symbols() -> Vec<Symbol> {
    let calls = CALLS.iter().map(|call| Symbol {
        address: HYPERCALL_PAGE + HYPERCALL_STUB_BYTES * call.number,
        length_bytes: HYPERCALL_STUB_BYTES,
        kind: SymbolKind::Function,
        name: format!("hypercall.{}", call.name),
    });
    let pages = [("start_info", START_INFO), ("shared_page", SHARED_PAGE), ("count_page", COUNT_PAGE)];
    let fields = pages.into_iter().flat_map(|(name, address)| fields(name, address));
    calls.chain(fields).collect()
}

/// A symbol for each field of the structure `name` at `address`.
fn fields(name: &str, address: u32) -> Vec<Symbol> {
    let structures = STRUCTS.iter().filter(|structure| structure.name == name);
    let symbol = |offset: u32, end: u32, field: &str| Symbol {
        address: address + offset,
        length_bytes: end - offset,
        kind: SymbolKind::Object,
        name: format!("{name}.{field}"),
    };
    structures
        .flat_map(|structure| {
            // Fields cover the structure without a gap.
            let next = structure.fields.iter().skip(1).map(|field| field.offset);
            let ends = next.chain([structure.size_bytes]);
            structure.fields.iter().zip(ends).map(|(field, end)| symbol(field.offset, end, field.name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::own_symbols;
    use crate::abi::{Call, HYPERCALL_STUB_BYTES, shared_page};
    use crate::boot::{HYPERCALL_PAGE, SHARED_PAGE};
    use crate::loader::Symbols;

    #[test]
    fn fields_and_stubs_have_names() {
        let symbols = Symbols::default().with(own_symbols());
        let stub = HYPERCALL_PAGE + HYPERCALL_STUB_BYTES * Call::ConsoleWrite.description().number;
        for (address, name, offset) in [
            (SHARED_PAGE, "shared_page.mask", 0),
            (SHARED_PAGE + shared_page::EVENT_PENDING + 8, "shared_page.event_pending", 8),
            (stub + 5, "hypercall.console_write", 5),
        ] {
            let located = symbols.locate(address).unwrap();
            assert_eq!((located.symbol.name.as_str(), located.offset), (name, offset));
        }
    }
}
