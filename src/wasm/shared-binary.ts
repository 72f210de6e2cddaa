/** Bytes before the first section: the magic word and the version. */
const HEADER_BYTES = 8;
const IMPORT_SECTION = 2;
/** Flags of a memory's limits. */
const HAS_MAXIMUM = 1;
const IS_SHARED = 2;

/**
 * A copy of a kernel binary whose memory is shared. Shared and plain kernels differ in one flag of
 * the memory that they import, so that the package needs no second binary.
 *
 * @returns undefined where the bytes import no memory, or one whose limits say anything but a
 *   minimum and a maximum; whether the rest is valid is for the engine to say
 */
export function shareBinary(binary: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const at = findLimits(binary);
  if (at === undefined || binary[at] !== HAS_MAXIMUM) return undefined;
  const shared = Uint8Array.from(binary);
  shared[at] = HAS_MAXIMUM | IS_SHARED;
  return shared;
}

/** Where the limits of the imported memory begin. */
function findLimits(binary: Uint8Array): number | undefined {
  const reader = new SectionReader(binary, HEADER_BYTES);
  while (reader.position < binary.length) {
    const id = reader.byte();
    const length = reader.integer();
    if (id === IMPORT_SECTION) return findMemory(reader);
    reader.skip(length);
  }
  return undefined;
}

/** Where the limits of the first memory begin, from the start of the import section on. */
function findMemory(reader: SectionReader): number | undefined {
  for (let left = reader.integer(); left > 0; left--) {
    reader.skip(reader.integer());
    reader.skip(reader.integer());
    switch (reader.byte()) {
      case 0: // a function: its type
        reader.integer();
        break;
      case 1: // a table: its type and limits
        reader.byte();
        if (reader.byte() & HAS_MAXIMUM) reader.integer();
        reader.integer();
        break;
      case 2:
        return reader.position;
      case 3: // a global: its type, and whether it changes
        reader.skip(2);
        break;
      default: // not known, or beyond the end
        return undefined;
    }
  }
  return undefined;
}

/** Reads on and on; bytes beyond the end are NaN, which is no kind of import and ends a number. */
class SectionReader {
  readonly #bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  skip(bytes: number): void {
    this.position += bytes;
  }

  byte(): number {
    return this.#bytes[this.position++] ?? NaN;
  }

  /** An unsigned number of 32 bits, seven in each byte, the lowest first. */
  integer(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) break;
    }
    return value;
  }
}
