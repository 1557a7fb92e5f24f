"""Lists the instructions of a trace file that holds them: python3 read_trace.py FILE [--state]

Written from docs/TRACE-FILE.md alone, as an example of a reader that has no processor. A line has the partition's number,
the instruction's number, nanoseconds of virtual time, its address and bytes, and if the file holds that, the registers that
it changed and the memory that it touched; or how many instructions are missing there, and why. With --state the registers of
each partition at the end follow.

Not here: events, keyframes, and the check of digests, which needs XXH3.
"""

import struct
import sys

try:
    from compression import zstd

    def decompressed(frame, length):
        return zstd.decompress(frame)

except ImportError:
    import zstandard

    def decompressed(frame, length):
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=length)


BEGINNING = b"\x50\x2a\x4d\x18\x16\x00\x00\x00paravane-trace pvt 1\n\x00"
HEAD = b"\x51\x2a\x4d\x18\x30\x00\x00\x00"
HEAD_BYTES = 56
GENERAL = "eax ecx edx ebx esp ebp esi edi".split()
EFLAGS = 9
FLAGS = [(0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (10, "DF"), (11, "OF")]


class Damaged(Exception):
    """What is read is not what the document says."""


class Content:
    """What a frame holds, decompressed."""

    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def ends(self):
        return self.at == len(self.raw)

    def byte(self):
        if self.ends():
            raise Damaged("a frame ends too early")
        self.at += 1
        return self.raw[self.at - 1]

    def unsigned(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self):
        value = self.unsigned()
        return value >> 1 ^ -(value & 1)

    def bytes(self):
        length = self.unsigned()
        if length > len(self.raw) - self.at:
            raise Damaged("a list is longer than its frame")
        self.at += length
        return self.raw[self.at - length : self.at]

    def list(self, element):
        return [element() for _ in range(self.unsigned())]

    def option(self, element):
        return element() if self.byte() else None


def frames_of(file):
    """The frames in the order of the file, each as its kind and its content."""
    if file.read(len(BEGINNING)) != BEGINNING:
        raise Damaged("it does not begin as a trace file of version 1 does")
    while True:
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES or not head.startswith(HEAD):
            raise Damaged("it was cut off")
        kind, compressed, length = struct.unpack_from("<4sII", head, 8)
        if kind == b"INDX":
            return
        frame = file.read(compressed)
        if len(frame) < compressed:
            raise Damaged("it was cut off")
        yield kind, Content(decompressed(frame, length))


def units_per_second(content):
    content.bytes()  # writer
    content.unsigned()  # semantics
    content.unsigned()  # detail
    content.byte()  # is_system
    return content.unsigned()


class Places:
    """The numbers at which a frame goes on: of instructions by partition, and the unit."""

    def __init__(self):
        self.instructions, self.unit = {}, 0

    def move(self, partition, instruction, unit):
        self.instructions[partition] = self.instructions.get(partition, 0) + instruction
        self.unit += unit

    def now(self, partition):
        return self.instructions[partition], self.unit

    def next(self, partition):
        place = self.now(partition)
        self.move(partition, 1, 1)
        return place


def left_out(content):
    """How many instructions are missing, and why, as words."""
    content.unsigned()  # numbers
    instructions, why = content.unsigned(), content.unsigned()
    if why > 3:
        raise Damaged("instructions are missing for a reason that there is not")
    if why == 2:
        extent = lambda: (content.unsigned(), content.unsigned())
        content.unsigned(), content.bytes(), content.option(extent), content.option(extent)
    elif why == 3:
        content.unsigned(), content.unsigned()
    return ["elided", instructions, ("filter", "guest", "repeat", "loop")[why]]


def addresses_of(content):
    """What a frame of addresses has: partition, number, unit, and address and bytes as words."""
    blocks, guesses, last, places = [], [], {}, Places()
    while not content.ends():
        kind = content.unsigned()
        if kind == 0:
            eip, codes, block = content.unsigned(), content.list(content.bytes), []
            for code in codes:
                block.append((eip, code))
                eip = eip + len(code) & 0xFFFFFFFF
            blocks.append(block)
            guesses.append([])
            continue
        if kind > 2:
            raise Damaged("there is no such record of addresses")
        partition = content.unsigned()
        places.move(partition, content.signed(), content.signed())
        if kind == 2:
            yield partition, *places.now(partition), left_out(content)
            continue
        units, steps = content.unsigned(), Content(content.bytes())
        count = 0
        for block, more, cut in entered(steps, partition, guesses, last):
            instructions = blocks[block] + blocks[block][-1:] * more
            for eip, code in instructions[: len(instructions) - cut]:
                count += 1
                yield partition, *places.next(partition), [f"{eip:08x}", code.hex()]
        if count != units:
            raise Damaged("a path is not as long as it says")


def entered(steps, partition, guesses, last):
    """The blocks that the steps of a path lead to: number, further iterations at its end, instructions that are cut off."""
    block, more, cut = None, 0, 0
    while not steps.ends():
        first = steps.unsigned()
        numbers = [("guess", 0)] * (first >> 2)
        kind = first & 3
        if kind in (1, 2):
            numbers.append(("guess", kind))
        elif kind == 3:
            second = steps.unsigned()
            if second >= 2:
                numbers.append(("block", second - 2))
        for how, number in numbers:
            if block is not None:
                yield block, more, cut
            before = guesses[last[partition]] if partition in last else []
            block, more, cut = before[number] if how == "guess" else number, 0, 0
            # The last three different ones, the latest first.
            before[:] = [block] + [other for other in before if other != block][:2]
            last[partition] = block
        if kind == 3 and second == 0:
            cut = steps.unsigned()
        elif kind == 3 and second == 1:
            more = steps.unsigned()
    if block is not None:
        yield block, more, cut


def steps_of(content, states):
    """What a frame of instructions has: as one of addresses, with what changed and was touched."""
    codes, places, partition = [], Places(), None
    register = lambda: (content.byte(), content.bytes())
    access = lambda: (content.byte(), content.byte(), content.unsigned(), content.unsigned())
    while not content.ends():
        kind = content.unsigned()
        if kind == 0:
            codes.append((content.unsigned(), content.bytes()))
        elif kind == 1:
            partition = content.unsigned()
            places.move(partition, content.signed(), content.signed())
        elif kind == 2:
            states.setdefault(partition, {}).update(content.list(register))
        elif kind == 3:
            eip, code = codes[content.unsigned()]
            changed, accesses = content.list(register), content.list(access)
            state = states.setdefault(partition, {})
            words = [f"{eip:08x}", code.hex(), *words_of(state, changed, accesses)]
            yield partition, *places.next(partition), words
            state.update(changed)
        elif kind == 4:
            yield partition, *places.now(partition), left_out(content)
        else:
            raise Damaged("there is no such record of instructions")


def words_of(before, changed, accesses):
    """What an instruction did, as words."""
    for number, value in changed:
        if number < len(GENERAL):
            yield f"{GENERAL[number]}={int.from_bytes(value, 'little'):08x}"
        elif number == EFLAGS:
            now, then = (int.from_bytes(flags, "little") for flags in (value, before[EFLAGS]))
            yield from (f"{name}={now >> bit & 1}" for bit, name in FLAGS if (now ^ then) >> bit & 1)
        else:
            yield f"r{number}={value.hex()}"
    for writes, length, address, value in accesses:
        yield f"[{address:08x}]{'<-' if writes else '->'}{value:0{2 * length}x}"


def main(path, *options):
    states, rate = {}, 1
    with open(path, "rb") as file:
        for kind, content in frames_of(file):
            found = []
            if kind == b"HEAD":
                rate = units_per_second(content)
            elif kind == b"ADDR":
                found = addresses_of(content)
            elif kind == b"INST":
                found = steps_of(content, states)
            for partition, number, unit, words in found:
                print(partition, number, unit * 10**9 // rate, *words)
    if "--state" in options:
        for partition, state in sorted(states.items()):
            print("state", partition, *(f"{number}={value.hex()}" for number, value in sorted(state.items())))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Damaged as why:
        sys.exit(f"{sys.argv[1]}: {why}")
