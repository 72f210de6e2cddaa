import { suite, type Test } from 'uvu';
import { createEngine, type Engine } from '../../../src/wasm/engine.ts';
import { assertSame } from '../checks/close.ts';
import { BINARIES } from './binaries.ts';
import { createGuardedMemory, type GuardedMemory } from './memory.ts';

/** Counts that leave every kind of tail, and give every main loop three rounds or more. */
export const COUNTS = [1, 3, 4, 5, 7, 8, 16, 17, 31, 33, 64, 67, 130] as const;

/** Bytes past a 16-byte boundary; 4 and 12 are where a kernel that wants alignment goes wrong. */
export const MISALIGNMENTS = [0, 4, 12] as const;

/** One rounding of a float32 operation. */
export const ROUNDING = 2 ** -24;

/** A kernel binary over a memory, and a stretch of it to lay regions out in. */
export interface KernelBench {
  readonly kernels: Engine['kernels'];
  readonly heap: Engine['heap'];
  /** An empty layout from the start of the stretch; the one before is forgotten. */
  guard(): GuardedMemory;
}

/** A bench whose stretch holds `bytes`, and starts at or after address `from`; of other kernels if given. */
export async function createBench(
  simd: (typeof BINARIES)[number],
  { bytes = 64 << 20, from = 0, wasm }: { bytes?: number; from?: number; wasm?: Uint8Array } = {},
): Promise<KernelBench> {
  const { kernels, heap } = await createEngine({ simd, ...(wasm ? { wasm } : {}) });
  // never released: releasing would write zeros, and so make the host back all of it
  const skipped = from - (heap.allocate(64) + 64);
  if (skipped > 0) heap.allocate(skipped);
  const base = heap.allocate(bytes);
  const memory = {
    get buffer() {
      return heap.floats(0, 0).buffer;
    },
  };
  return { kernels, heap, guard: () => createGuardedMemory({ memory, base }) };
}

/** Ways to cut the work of a kernel: into so many ranges, in order or from the last to the first. */
export const SPLITS = [
  { parts: 2, isReversed: true },
  { parts: 3, isReversed: false },
  { parts: 7, isReversed: true },
] as const;

export type Split = { readonly parts: number; readonly isReversed: boolean };

export const WHOLE: Split = { parts: 1, isReversed: false };

/** Ranges of `units`: first unit and count, which may be 0. */
export function rangesOf(
  units: number,
  { parts, isReversed }: Split,
): readonly (readonly [number, number])[] {
  const cut = (part: number) => Math.floor((units * part) / parts);
  const ranges = Array.from(
    { length: parts },
    (_, part) => [cut(part), cut(part + 1) - cut(part)] as const,
  );
  return isReversed ? ranges.toReversed() : ranges;
}

/** What the tests of a kernel are given for each binary. */
export interface KernelTests extends KernelBench {
  readonly test: Test;
  /** The whole bench, for helpers. */
  readonly bench: KernelBench;
}

/** A suite of the same tests for either binary, `title, baseline` and `title, relaxed`. */
export async function kernelSuite(
  title: string,
  define: (tests: KernelTests) => void,
): Promise<void> {
  for (const simd of BINARIES) {
    const test = suite(`${title}, ${simd}`);
    const bench = await createBench(simd);
    define({ test, bench, ...bench });
    test.run();
  }
}

/** Fails unless every split of a kernel's work gives the bits of one call in each output. */
export function assertSplits(
  what: string,
  run: (split: Split) => Float32Array[],
  splits: readonly Split[] = SPLITS,
): void {
  const expected = run(WHOLE);
  for (const split of splits) {
    for (const [i, actual] of run(split).entries()) {
      assertSame(actual, expected[i]!, `${what}, output ${i} in ${split.parts} ranges`);
    }
  }
}

/** Fails unless |actual - expected| <= bound in every place. */
export function assertWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: (i: number) => number,
  what: string,
): void {
  if (actual.length !== expected.length || expected.length === 0) {
    throw new RangeError(
      `${what}: expected ${expected.length} numbers, above 0, got ${actual.length}`,
    );
  }
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(actual[i]! - expected[i]!) <= bound(i))) {
      throw new Error(
        `${what}: expected ${expected[i]} within ${bound(i)} at ${i}, got ${actual[i]}`,
      );
    }
  }
}

/** Rows of x (rows, width) moved `stride` apart, the gaps full of NaN. */
export function withStride(x: ArrayLike<number>, width: number, stride: number): Float32Array {
  const rows = x.length / width;
  const out = new Float32Array(rows * stride).fill(NaN);
  for (let i = 0; i < x.length; i++) out[Math.floor(i / width) * stride + (i % width)] = x[i]!;
  return out;
}

/** The first `width` numbers of every `stride`; fails if a number of a gap is not NaN. */
export function withoutStride(
  x: Float32Array,
  width: number,
  stride: number,
  written = width,
): Float32Array {
  const rows = x.length / stride;
  const out = new Float32Array(rows * width);
  for (let i = 0; i < x.length; i++) {
    const row = Math.floor(i / stride);
    const column = i % stride;
    if (column < width) out[row * width + column] = x[i]!;
    else if (column >= written && !Number.isNaN(x[i])) {
      throw new Error(`gap after row ${row} was written at column ${column}`);
    }
  }
  return out;
}
