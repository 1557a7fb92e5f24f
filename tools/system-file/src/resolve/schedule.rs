//! Plans and their windows.

use super::{Resolver, Zero, name_of};
use crate::diagnostic::Diagnostic;
use crate::model::{Plan, Window};
use crate::tree::{Table, Value};
use hypervisor_core::schedule::PlanAction;

impl Resolver<'_> {
    pub(super) fn plan(&mut self, table: &Table) -> Plan {
        let frame = self.time(table, "frame", Zero::Refused);
        let frame_read = frame.is_some() || table.value("frame").is_none();
        let windows = self.windows(table);
        let all_read = windows.len() == table.list("windows").len();
        let actions = table.map("on_start").iter().filter_map(|(name, node)| {
            let partition = self.partition_id(name)?;
            let action = match node.value {
                Value::Word("cold_restart") => PlanAction::ColdRestart,
                Value::Word("warm_restart") => PlanAction::WarmRestart,
                _ => return None,
            };
            Some((partition, action))
        });
        Plan {
            header: table.span.clone(),
            name: name_of(table),
            frame,
            windows,
            actions: actions.collect(),
            is_complete: all_read && !table.is_damaged && frame_read,
        }
    }

    fn windows(&mut self, table: &Table) -> Vec<Window> {
        let mut windows: Vec<Window> = Vec::new();
        let mut cursor = 0_u64;
        for table in table.tables("windows") {
            let start = match table.value("start") {
                Some(_) => self.time(table, "start", Zero::Allowed).map(|start| start.units),
                None => Some(cursor),
            };
            let length = self.time(table, "length", Zero::Refused);
            let partition = match table.value("partition") {
                Some(_) => self.partition_of(table, "partition").map(|id| Some(id.value)),
                None => Some(None),
            };
            let (Some(start), Some(length)) = (start, length) else { continue };
            let Some(end) = start.checked_add(length.units).filter(|end| *end <= super::UNITS_MOST) else {
                self.diagnostics.push(
                    Diagnostic::error("this window ends later than the clock can count")
                        .at(table.span.clone(), "")
                        .help("write shorter windows, or choose a slower `clock` in [system]"),
                );
                continue;
            };
            cursor = end;
            let Some(partition) = partition else { continue };
            windows.push(Window { partition, start, length: length.units, span: table.span.clone() });
        }
        windows
    }
}
