//! Calls about I/O ports.

use super::Caller;
use crate::abi::{CallError, ToGuest};
use crate::seeded_faults::{Fault, seeded};

impl Caller<'_> {
    pub(super) fn io_read(&mut self, port: u32, width: u32, value: ToGuest<u32>) -> Result<u32, CallError> {
        let ones = self.check_port(port, width)?;
        self.guest.set_bytes(value.address, &ones.to_le_bytes())?;
        Ok(0)
    }

    pub(super) fn io_write(&mut self, port: u32, width: u32) -> Result<u32, CallError> {
        self.check_port(port, width)?;
        Ok(0)
    }

    /// What a granted port reads as.
    fn check_port(&self, port: u32, width: u32) -> Result<u32, CallError> {
        let port = u16::try_from(port).map_err(|_| CallError::InvalidArgument)?;
        let (bytes, ones) = match width {
            1 => (1, 0xff),
            2 => (2, 0xffff),
            4 => (4, u32::MAX),
            _ => return Err(CallError::InvalidArgument),
        };
        if self.paravirtual.privileges.grants(port, bytes) {
            Ok(if seeded(Fault::PortsReadAsZero) { 0 } else { ones })
        } else {
            Err(CallError::NotPermitted)
        }
    }
}
