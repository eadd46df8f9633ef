"""Reads the binary format of WASM modules and components, as far as the tools here need it."""

PREAMBLES = {b"\0asm\1\0\0\0": "module", b"\0asm\x0d\0\1\0": "component"}


class Reader:
    """A place in bytes."""

    def __init__(self, data: bytes, at: int = 0):
        self.data = data
        self.at = at

    def __bool__(self) -> bool:
        """Whether something is left."""
        return self.at < len(self.data)

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise ValueError("the file is cut off")
        self.at += size
        return self.data[self.at - size : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """LEB128, unsigned; good enough to pass over signed ones."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def sized(self) -> bytes:
        return self.take(self.number())

    def name(self) -> str:
        return self.sized().decode()


def kind(data: bytes) -> str:
    """`module` or `component`."""
    if data[:8] not in PREAMBLES:
        raise ValueError("this is neither a WASM module nor a component")
    return PREAMBLES[data[:8]]


def sections(data: bytes):
    """Each section's id and content."""
    kind(data)
    reader = Reader(data, 8)
    while reader:
        section = reader.byte()
        yield section, reader.sized()


def number(value: int) -> bytes:
    """LEB128, unsigned."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def sized(content: bytes) -> bytes:
    return number(len(content)) + content


def section(id: int, content: bytes) -> bytes:
    return bytes([id]) + sized(content)
