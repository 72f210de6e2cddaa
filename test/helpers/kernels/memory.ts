/** Bytes on each side of a region that nobody may write; one cache line. */
const RED_ZONE_BYTES = 64;

/** Word of the red zones: as float32 a NaN, so that a read past the edge shows in the result too. */
const CANARY = 0x7fc0dead;

/** Bytes past a 16-byte boundary at which a region starts; float32 needs a multiple of 4. */
export type Misalignment = 0 | 4 | 8 | 12;

/** A stretch of float32 numbers between two red zones. */
export interface Region {
  readonly name: string;
  /** Byte address of the first number. */
  readonly pointer: number;
  /** Numbers, 4 bytes each. */
  readonly length: number;
}

/** Lays regions out one after another and watches the space between them. */
export interface GuardedMemory {
  /** A region full of NaN, so that an output the kernel forgets to write shows. */
  region(name: string, length: number, misalignment?: Misalignment): Region;
  /** A region that starts with `data`. */
  regionOf(name: string, data: Float32Array | Int32Array, misalignment?: Misalignment): Region;
  /** Copies `data`, which must fill the region. */
  write(region: Region, data: Float32Array | Int32Array): void;
  /** A copy of the region. */
  read(region: Region): Float32Array<ArrayBuffer>;
  /** @throws Error naming the first region with a changed red zone */
  assertCanaries(): void;
}

/** A bump layout from byte `base` of `memory` on; the views are made at use, so the memory may grow. */
export function createGuardedMemory({
  memory,
  base,
}: {
  memory: { readonly buffer: ArrayBufferLike };
  base: number;
}): GuardedMemory {
  const regions: Region[] = [];
  let top = base;

  const words = (pointer: number, length: number) =>
    new Uint32Array(memory.buffer, pointer, length);
  const floats = (made: Region) => new Float32Array(memory.buffer, made.pointer, made.length);
  const redZones = (made: Region) => [
    { side: 'before', zone: words(made.pointer - RED_ZONE_BYTES, RED_ZONE_BYTES / 4) },
    { side: 'after', zone: words(made.pointer + made.length * 4, RED_ZONE_BYTES / 4) },
  ];

  function region(name: string, length: number, misalignment: Misalignment = 0): Region {
    const pointer = Math.ceil((top + RED_ZONE_BYTES) / 16) * 16 + misalignment;
    const end = pointer + length * 4 + RED_ZONE_BYTES;
    if (end > memory.buffer.byteLength) {
      throw new RangeError(`"${name}" expected to end by ${memory.buffer.byteLength}, got ${end}`);
    }
    const made: Region = { name, pointer, length };
    for (const { zone } of redZones(made)) zone.fill(CANARY);
    floats(made).fill(NaN);
    regions.push(made);
    top = end;
    return made;
  }

  function write(target: Region, data: Float32Array | Int32Array): void {
    if (data.length !== target.length) {
      throw new RangeError(
        `"${target.name}" expected ${target.length} numbers, got ${data.length}`,
      );
    }
    // as words: a float copy may change the bits of a NaN
    words(target.pointer, target.length).set(
      new Uint32Array(data.buffer, data.byteOffset, data.length),
    );
  }

  return {
    region,
    regionOf(name, data, misalignment) {
      const made = region(name, data.length, misalignment);
      write(made, data);
      return made;
    },
    write,
    read: (target) => floats(target).slice(),
    assertCanaries() {
      for (const made of regions) {
        for (const { side, zone } of redZones(made)) {
          const changed = zone.findIndex((word) => word !== CANARY);
          if (changed >= 0) {
            throw new Error(`red zone ${side} "${made.name}" changed at byte ${changed * 4}`);
          }
        }
      }
    },
  };
}
