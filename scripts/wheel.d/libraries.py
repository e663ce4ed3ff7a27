"""Which libraries and symbols an ELF file needs, and a way to need fewer.

A C library before 2.34 has threads and `dlopen` in libraries of their own. Python needs these itself there, so they are
loaded for the whole process before the executor is; later ones have empty files of these names, each of which would
have to be found and mapped for every request. A symbol without a version is bound to the oldest one in what the process
started with (https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html)."""

import struct

NEEDED, VERNEED, VERNEEDNUM = 1, 0x6FFFFFFE, 0x6FFFFFFF
DYNAMIC_SECTION, SYMBOL_SECTION, VERNEED_SECTION, VERSYM_SECTION = 6, 11, 0x6FFFFFFE, 0x6FFFFFFF
LOCAL_VERSION, GLOBAL_VERSION, WEAK = 0, 1, 2
OLDEST = "GLIBC_2.2.5"
# Symbols of a later version that have one version only.
ONE_VERSION = {"pthread_setname_np"}


class Elf:
    """A 64-bit little-endian ELF file in memory."""

    def __init__(self, content):
        self.content = bytearray(content)
        table, size, count = (self.at(form, place) for form, place in [("<Q", 40), ("<H", 58), ("<H", 60)])
        self.sections = [table + number * size for number in range(count)]

    def at(self, form, place):
        """The number in this form at that offset."""
        return struct.unpack_from(form, self.content, place)[0]

    def section(self, kind):
        """Where the section of this kind is described, its address, offset and length, and the offset of its names."""
        [place] = [place for place in self.sections if self.at("<I", place + 4) == kind]
        address, offset, length, link = struct.unpack_from("<QQQI", self.content, place + 16)
        return place, address, offset, length, self.at("<Q", self.sections[link] + 24)

    def text(self, place):
        """The string at that offset."""
        return self.content[place : self.content.index(0, place)].decode()

    def dynamic(self):
        """Each entry of the dynamic section: its tag, its value, and the name that a needed library has."""
        _, _, offset, length, names = self.section(DYNAMIC_SECTION)
        for place in range(offset, offset + length, 16):
            tag, value = struct.unpack_from("<QQ", self.content, place)
            yield tag, value, self.text(names + value) if tag == NEEDED else None

    def needed(self):
        """The names of the libraries that it needs."""
        return [name for _, _, name in self.dynamic() if name]

    def undefined(self):
        """Each symbol that another file has to have: its name, where its version's number is, and whether it may lack."""
        _, _, symbols, length, names = self.section(SYMBOL_SECTION)
        _, _, versions, _, _ = self.section(VERSYM_SECTION)
        for number in range(1, length // 24):
            name, info, _, section = struct.unpack_from("<IBBH", self.content, symbols + number * 24)
            if section == 0:
                yield self.text(names + name), versions + number * 2, info >> 4 == WEAK

    def without_version(self):
        """The names of the symbols that have to be there, in no certain version."""
        unversioned = (LOCAL_VERSION, GLOBAL_VERSION)
        return [name for name, place, weak in self.undefined() if self.at("<H", place) in unversioned and not weak]

    def without(self, libraries):
        """The file without these: what it has of them is looked for in what the process started with."""
        described, address, offset, length, names = self.section(VERNEED_SECTION)
        kept, versions, place, step = [], {}, offset, True
        while step:
            _, count, file, versions_at, step = struct.unpack_from("<HHIII", self.content, place)
            if self.text(names + file) in libraries:
                version_at = place + versions_at
                for _ in range(count):
                    _, _, number, version, following = struct.unpack_from("<IHHII", self.content, version_at)
                    versions[number] = self.text(names + version)
                    version_at += following
            else:
                kept.append(place)
            place += step
        for name, place, _ in self.undefined():
            version = versions.get(self.at("<H", place))
            if version and version != OLDEST and name not in ONE_VERSION:
                raise ValueError(f"{name}@{version} may be bound to another version")
            if version:
                struct.pack_into("<H", self.content, place, GLOBAL_VERSION)
        for place, following in zip(kept, kept[1:] + [None]):
            struct.pack_into("<I", self.content, place + 12, following - place if following else 0)
        gone = kept[0] - offset
        struct.pack_into("<QQQ", self.content, described + 16, address + gone, kept[0], length - gone)
        struct.pack_into("<I", self.content, described + 44, len(kept))
        changed = {VERNEED: address + gone, VERNEEDNUM: len(kept)}
        entries = [
            (tag, changed.get(tag, value)) for tag, value, name in self.dynamic() if name not in libraries
        ]
        _, _, place, length, _ = self.section(DYNAMIC_SECTION)
        packed = b"".join(struct.pack("<QQ", *entry) for entry in entries)
        self.content[place : place + length] = packed.ljust(length, b"\0")
        return bytes(self.content)
