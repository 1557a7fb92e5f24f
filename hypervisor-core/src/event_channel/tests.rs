//! The rules of event ports, over plain arrays.

use super::{EventPorts, SharedPages, bit, clear_bit, set_bit};
use crate::abi::{CallError, EventPort, EventStatus, VirtualInterrupt, event_status, shared_page};
use crate::ledger::{Account, DropReason, Source};
use crate::record::EventLog;

struct Words(Vec<u32>);

impl SharedPages for Words {
    fn load(&self, offset: u32) -> u32 {
        self.0[offset as usize / 4]
    }

    fn store(&mut self, offset: u32, value: u32) {
        self.0[offset as usize / 4] = value;
    }
}

/// A partition's ports with their pages, and a guest's hands.
struct Bench {
    ports: EventPorts,
    shared: Words,
    log: EventLog,
}

const TIMER: VirtualInterrupt = VirtualInterrupt::Timer;

fn port(number: u32) -> EventPort {
    EventPort::new(number).unwrap()
}

impl Bench {
    fn new() -> Self {
        Self { ports: EventPorts::new(), shared: Words(vec![0; 2048]), log: EventLog::default() }
    }

    fn with_timer_on(number: u32) -> Self {
        let mut bench = Self::new();
        bench.ports.bind(port(number), Source::Interrupt(TIMER)).unwrap();
        bench
    }

    fn tick(&mut self, count: u64) {
        self.ports.raise(Source::Interrupt(TIMER), count, &mut self.shared, &mut self.log);
    }

    fn announce(&mut self) {
        self.ports.announce(&mut self.shared, &mut self.log);
    }

    fn unmask(&mut self, number: u32) -> Result<(), CallError> {
        self.ports.unmask(port(number), &mut self.shared, &mut self.log)
    }

    fn send(&mut self, number: u32) -> Result<(), CallError> {
        self.ports.send(port(number), &mut self.shared, &mut self.log).map(|_| ())
    }

    fn unbind(&mut self, number: u32) -> Result<(), CallError> {
        self.ports.unbind(port(number), &mut self.shared, &mut self.log)
    }

    /// What a guest does in its handler.
    fn take(&mut self, number: u32) {
        clear_bit(&mut self.shared, shared_page::EVENT_PENDING, port(number));
    }

    fn is_pending(&self, number: u32) -> bool {
        bit(&self.shared, shared_page::EVENT_PENDING, port(number))
    }

    fn wants_upcall(&self) -> (u32, u32) {
        (self.shared.load(shared_page::UPCALL_PENDING), self.shared.load(shared_page::SELECTOR))
    }

    fn count(&self, number: u32) -> u32 {
        self.ports.count(port(number), &self.shared)
    }

    fn account(&self, source: Source) -> Account {
        assert!(self.ports.ledger().balances(), "{:?}", self.ports.ledger());
        self.ports.ledger().account(source)
    }

    fn timer_account(&self) -> Account {
        self.account(Source::Interrupt(TIMER))
    }
}

#[test]
fn raising_counts_and_asks_for_an_upcall() {
    let mut bench = Bench::with_timer_on(70);
    bench.tick(1);
    assert!(bench.is_pending(70));
    assert_eq!(bench.wants_upcall(), (1, 1 << 2));
    assert_eq!(bench.count(70), 1);
    assert_eq!(bench.timer_account(), Account { raised: 1, pending: 1, ..Account::default() });
}

#[test]
fn a_masked_event_stays_pending_and_is_announced_when_unmasked() {
    let mut bench = Bench::with_timer_on(3);
    bench.ports.mask(port(3), &mut bench.shared).unwrap();
    bench.tick(1);
    assert!(bench.is_pending(3));
    assert_eq!(bench.wants_upcall(), (0, 0));
    bench.announce();
    assert_eq!(bench.timer_account().delivered, 0);
    bench.unmask(3).unwrap();
    assert_eq!(bench.wants_upcall(), (1, 1));
    bench.announce();
    assert_eq!(bench.timer_account(), Account { raised: 1, delivered: 1, ..Account::default() });
}

#[test]
fn unmasking_a_port_that_is_not_pending_asks_for_nothing() {
    let mut bench = Bench::with_timer_on(3);
    set_bit(&mut bench.shared, shared_page::EVENT_MASK, port(3));
    bench.unmask(3).unwrap();
    assert_eq!(bench.wants_upcall(), (0, 0));
}

#[test]
fn a_masked_event_has_waited_until_it_is_delivered() {
    let mut bench = Bench::with_timer_on(3);
    bench.ports.mask(port(3), &mut bench.shared).unwrap();
    bench.log.set_now(100);
    bench.tick(2);
    bench.log.set_now(150);
    bench.tick(1);
    bench.announce();
    assert_eq!(bench.ports.ledger().latencies(Source::Interrupt(TIMER)), None);
    bench.unmask(3).unwrap();
    bench.log.set_now(400);
    bench.announce();
    let latencies = bench.ports.ledger().latencies(Source::Interrupt(TIMER)).unwrap();
    // 300 units of 10 ns, from the first of the three.
    assert_eq!((latencies.count(), latencies.range_ns()), (1, Some((3000, 3000))));
}

#[test]
fn events_that_were_late_to_be_raised_have_waited_since_they_came() {
    let mut bench = Bench::with_timer_on(3);
    bench.log.set_now(100);
    assert_eq!((bench.log.past_unit(400), bench.log.past_unit(5000)), (40, 100));
    bench.ports.raise_since(Source::Interrupt(TIMER), (1, 40), &mut bench.shared, &mut bench.log);
    bench.announce();
    let latencies = bench.ports.ledger().latencies(Source::Interrupt(TIMER)).unwrap();
    assert_eq!(latencies.range_ns(), Some((600, 600)));
}

#[test]
fn each_dropped_event_has_its_reason() {
    let mut bench = Bench::new();
    bench.tick(4);
    bench.ports.bind(port(3), Source::Interrupt(TIMER)).unwrap();
    bench.tick(2);
    bench.unbind(3).unwrap();
    bench.ports.bind(port(3), Source::Interrupt(TIMER)).unwrap();
    bench.tick(1);
    bench.ports.restart(&mut bench.shared, &mut bench.log);
    bench.ports.drop_raised(Source::Interrupt(TIMER), 7, DropReason::TimerPolicy, &mut bench.log);
    let drops: Vec<_> = bench.ports.ledger().drops(Source::Interrupt(TIMER)).collect();
    let reasons = [
        (DropReason::NotBound, 4),
        (DropReason::Unbound, 1),
        (DropReason::TimerPolicy, 7),
        (DropReason::Restart, 1),
    ];
    assert_eq!(drops, reasons);
    assert_eq!(bench.timer_account().dropped, drops.iter().map(|(_, count)| count).sum::<u64>());
}

#[test]
fn events_that_find_the_bit_set_are_coalesced_and_counted() {
    let mut bench = Bench::with_timer_on(3);
    bench.tick(1);
    bench.tick(5);
    bench.announce();
    bench.tick(1);
    assert_eq!(bench.count(3), 7);
    assert_eq!(
        bench.timer_account(),
        Account { raised: 7, delivered: 1, coalesced: 6, ..Account::default() }
    );
}

#[test]
fn an_event_after_the_guest_took_the_last_is_a_new_one() {
    let mut bench = Bench::with_timer_on(3);
    bench.tick(1);
    bench.announce();
    bench.take(3);
    bench.tick(1);
    assert_eq!(bench.timer_account(), Account { raised: 2, delivered: 1, pending: 1, ..Account::default() });
}

#[test]
fn an_event_that_the_guest_took_without_an_upcall_is_taken() {
    let mut bench = Bench::with_timer_on(3);
    bench.tick(1);
    bench.take(3);
    bench.announce();
    assert_eq!(bench.timer_account(), Account { raised: 1, taken: 1, ..Account::default() });
    bench.tick(1);
    bench.take(3);
    bench.ports.settle(&mut bench.shared, &mut bench.log);
    assert_eq!(bench.timer_account(), Account { raised: 2, taken: 2, ..Account::default() });
}

#[test]
fn a_bit_that_the_guest_set_itself_counts_nowhere() {
    let mut bench = Bench::with_timer_on(3);
    set_bit(&mut bench.shared, shared_page::EVENT_PENDING, port(3));
    bench.announce();
    bench.ports.settle(&mut bench.shared, &mut bench.log);
    assert_eq!(bench.timer_account(), Account::default());
    bench.tick(1);
    assert_eq!(bench.timer_account(), Account { raised: 1, pending: 1, ..Account::default() });
}

#[test]
fn an_event_whose_selector_bit_the_guest_cleared_is_not_delivered() {
    let mut bench = Bench::with_timer_on(3);
    bench.tick(1);
    bench.shared.store(shared_page::SELECTOR, 0);
    bench.announce();
    assert_eq!(bench.timer_account().pending, 1);
}

#[test]
fn events_of_an_unbound_source_are_dropped_and_counted() {
    let mut bench = Bench::new();
    bench.tick(4);
    assert_eq!(bench.timer_account(), Account { raised: 4, dropped: 4, ..Account::default() });
    bench.ports.drop_raised(Source::Interrupt(TIMER), 2, DropReason::TimerPolicy, &mut bench.log);
    assert_eq!(bench.timer_account().dropped, 6);
}

#[test]
fn unbinding_drops_what_is_pending_and_keeps_the_count() {
    let mut bench = Bench::with_timer_on(3);
    bench.ports.mask(port(3), &mut bench.shared).unwrap();
    bench.tick(2);
    bench.unbind(3).unwrap();
    assert!(!bench.is_pending(3));
    assert!(!bit(&bench.shared, shared_page::EVENT_MASK, port(3)));
    assert_eq!(bench.count(3), 2);
    assert_eq!(bench.timer_account(), Account { raised: 2, coalesced: 1, dropped: 1, ..Account::default() });
    assert_eq!(bench.unbind(3), Err(CallError::NotBound));
    bench.ports.bind(port(4), Source::Interrupt(TIMER)).unwrap();
}

#[test]
fn a_count_wraps_and_never_goes_down() {
    let mut bench = Bench::with_timer_on(3);
    bench.tick(u64::from(u32::MAX));
    bench.tick(3);
    assert_eq!(bench.count(3), 2);
    assert_eq!(bench.timer_account().raised, u64::from(u32::MAX) + 3);
}

#[test]
fn ports_and_interrupts_are_bound_once() {
    let mut bench = Bench::with_timer_on(3);
    assert_eq!(bench.ports.bind(port(4), Source::Interrupt(TIMER)), Err(CallError::AlreadyBound));
    assert_eq!(
        bench.ports.bind(port(3), Source::Interrupt(VirtualInterrupt::ConsoleInput)),
        Err(CallError::AlreadyBound)
    );
    assert_eq!(bench.ports.bind(port(3), Source::Own), Err(CallError::AlreadyBound));
    assert_eq!(bench.ports.bind(port(4), Source::Own), Ok(()));
    assert_eq!(bench.ports.bind(port(5), Source::Interrupt(VirtualInterrupt::ConsoleInput)), Ok(()));
}

#[test]
fn only_a_port_bound_to_self_can_be_sent_to() {
    let mut bench = Bench::with_timer_on(3);
    assert_eq!(bench.send(3), Err(CallError::WrongBinding));
    assert_eq!(bench.send(1023), Err(CallError::NotBound));
    bench.ports.bind(port(1023), Source::Own).unwrap();
    bench.send(1023).unwrap();
    assert_eq!(bench.wants_upcall(), (1, 1 << 31));
    bench.announce();
    assert_eq!(bench.account(Source::Own), Account { raised: 1, delivered: 1, ..Account::default() });
}

#[test]
fn calls_on_a_free_port_are_refused() {
    let mut bench = Bench::new();
    assert_eq!(bench.unmask(9), Err(CallError::NotBound));
    assert_eq!(bench.ports.mask(port(9), &mut bench.shared), Err(CallError::NotBound));
    assert_eq!(bench.unbind(9), Err(CallError::NotBound));
    assert_eq!(bench.send(9), Err(CallError::NotBound));
}

#[test]
fn status_tells_binding_state_and_count() {
    let mut bench = Bench::with_timer_on(3);
    bench.ports.mask(port(3), &mut bench.shared).unwrap();
    bench.tick(2);
    let status = bench.ports.status(port(3), &bench.shared);
    let state = event_status::STATE_PENDING | event_status::STATE_MASKED;
    let binding = event_status::BINDING_INTERRUPT;
    assert_eq!(status, EventStatus { binding, interrupt: TIMER.number(), state, count: 2 });
    let free = bench.ports.status(port(8), &bench.shared);
    assert_eq!(free, EventStatus { binding: event_status::BINDING_NONE, interrupt: 0, state: 0, count: 0 });
    bench.ports.bind(port(8), Source::Own).unwrap();
    assert_eq!(bench.ports.status(port(8), &bench.shared).binding, event_status::BINDING_SELF);
}

#[test]
fn a_masked_port_cannot_wake() {
    let mut bench = Bench::with_timer_on(3);
    assert!(bench.ports.can_wake(Source::Interrupt(TIMER), &bench.shared));
    bench.ports.mask(port(3), &mut bench.shared).unwrap();
    assert!(!bench.ports.can_wake(Source::Interrupt(TIMER), &bench.shared));
    assert!(!bench.ports.can_wake(Source::Interrupt(VirtualInterrupt::ConsoleInput), &bench.shared));
}

#[test]
fn whatever_the_guest_writes_into_its_pages_nothing_is_lost() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: u32| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 33) as u32 % below
    };
    let mut bench = Bench::with_timer_on(1);
    for number in [2, 33, 1023] {
        bench.ports.bind(port(number), Source::Own).unwrap();
    }
    for step in 0..20_000 {
        let number = [1, 2, 33, 1023][random(4) as usize];
        match random(8) {
            0 => bench.tick(u64::from(random(3)) + 1),
            1 => drop(bench.send(number)),
            2 => bench.announce(),
            3 => bench.unmask(number).unwrap(),
            4 => bench.ports.mask(port(number), &mut bench.shared).unwrap(),
            5 => bench.take(number),
            6 => bench.shared.store(4 * random(0x500 / 4), random(u32::MAX)),
            _ if number != 1 && random(16) == 0 => {
                bench.unbind(number).unwrap();
                bench.ports.bind(port(number), Source::Own).unwrap();
            }
            _ => {}
        }
        assert!(bench.ports.ledger().balances(), "step {step}: {:?}", bench.ports.ledger());
    }
    bench.ports.settle(&mut bench.shared, &mut bench.log);
    let timer = bench.timer_account();
    assert!(timer.delivered > 0 && timer.taken > 0 && timer.coalesced > 0, "{timer:?}");
    assert!(bench.account(Source::Own).dropped > 0);
}
