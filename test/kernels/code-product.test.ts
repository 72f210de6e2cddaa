import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openProbes } from '../../bench/peak.ts';
import { LARGEST_CODES } from '../../src/layout/cache-dtype.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { COUNTS, MISALIGNMENTS } from '../helpers/kernels/kernel-bench.ts';
import { createGuardedMemory } from '../helpers/kernels/memory.ts';
import { operandStep } from '../reference/code-decode.ts';

/** Of a code of 16 bits and of one of 8. */
const KINDS = [
  { size: 2, largest: LARGEST_CODES.i16 },
  { size: 1, largest: LARGEST_CODES.q8 },
] as const;

/** Rows by three and what is left of them; columns of strips of 48, of 12 and of 4; pairs of a page. */
const ROWS = [1, 2, 3, 4, 5, 6, 7, 34];
const COLUMNS = [4, 8, 12, 16, 44, 48, 52, 64, 148];
const PAIRS = [1, 2, 5, 32, 96];

for (const simd of BINARIES) {
  const test = suite(`quantizeOperand() and codeProduct(), ${simd}`);
  const memory = new WebAssembly.Memory({ initial: 128, maximum: 128 });
  const { codeProduct, quantizeOperand } = await openProbes(simd, memory);
  const guard = () => createGuardedMemory({ memory, base: 1024 });

  /** Rows of integers `gap` words apart, codes with as many bytes of garbage after each pair of k. */
  const product = (
    { size }: (typeof KINDS)[number],
    a: Int16Array,
    b: Int16Array,
    [rows, columns, pairs]: readonly [number, number, number],
    factors: Float32Array,
    scales: Float32Array | undefined,
    before: Float32Array,
    misalignment: (typeof MISALIGNMENTS)[number],
  ) => {
    const guarded = guard();
    const bytes = (name: string, x: Uint8Array) => {
      const padded = new Uint8Array(Math.ceil(x.length / 4) * 4).fill(0x5a);
      padded.set(x);
      return guarded.regionOf(name, new Int32Array(padded.buffer), misalignment).pointer;
    };
    const lda = pairs * 4 + 4;
    const ldb = columns * 2 * size + 8;
    const integers = new Uint8Array(rows * lda).fill(0x5a);
    for (let i = 0; i < rows; i++) {
      const row = a.slice(i * pairs * 2, (i + 1) * pairs * 2);
      integers.set(new Uint8Array(row.buffer), i * lda);
    }
    const codes = new Uint8Array(pairs * ldb).fill(0x5a);
    for (let k = 0; k < pairs; k++) {
      const row = b.slice(k * columns * 2, (k + 1) * columns * 2);
      codes.set(new Uint8Array(size === 1 ? Int8Array.from(row).buffer : row.buffer), k * ldb);
    }
    const ldo = columns + 3;
    const start = new Float32Array(rows * ldo).fill(NaN);
    for (let i = 0; i < rows; i++) {
      start.set(before.subarray(i * columns, (i + 1) * columns), i * ldo);
    }
    const out = guarded.regionOf('out', start, misalignment);
    const spare = guarded.region('spare', columns, misalignment);
    codeProduct(
      out.pointer,
      ldo * 4,
      spare.pointer,
      bytes('a', integers),
      lda,
      bytes('b', codes),
      ldb,
      rows,
      columns,
      pairs,
      guarded.regionOf('factors', factors, misalignment).pointer,
      scales ? guarded.regionOf('scales', scales, misalignment).pointer : 0,
      size,
    );
    guarded.assertCanaries();
    const numbers = guarded.read(out);
    assertSame(
      numbers.filter((_, i) => i % ldo >= columns),
      new Float32Array(rows * 3).fill(NaN),
      'gaps',
    );
    return numbers.filter((_, i) => i % ldo < columns);
  };

  /** Integers of a row of an even count, and their factor. */
  const quantize = (x: Float32Array, largest: number) => {
    const guarded = guard();
    const out = guarded.region('integers', x.length / 2);
    const at = guarded.regionOf('x', x).pointer;
    const factor = quantizeOperand(out.pointer, at, x.length, largest);
    return { factor, q: new Int16Array(guarded.read(out).buffer) };
  };

  for (const kind of KINDS) {
    const { size, largest } = kind;
    const title = `codes of ${size === 1 ? 8 : 16} bits`;

    test(`${title}: the product has the bits of whole numbers, any rows, columns and pairs`, () => {
      const random = createRandom(size);
      let runs = 0;
      for (const rows of ROWS) {
        for (const columns of COLUMNS) {
          const pairs = PAIRS[runs % PAIRS.length]!;
          const misalignment = MISALIGNMENTS[runs++ % 3]!;
          const most = Math.min(32767, Math.floor((2 ** 31 - 1) / (pairs * 2 * largest)));
          const integers = (count: number, end: number) =>
            Int16Array.from({ length: count }, () => random.integer(-end, end));
          const a = integers(rows * pairs * 2, most);
          const b = integers(columns * pairs * 2, largest);
          const sizes = [rows, columns, pairs] as const;
          const factors = random.normal(rows);
          const before = random.normal(rows * columns, 1e6);
          for (const scales of [undefined, random.normal(columns)]) {
            const out = product(kind, a, b, sizes, factors, scales, before, misalignment);
            const what = `${sizes.join(' × ')}${scales ? ', scaled' : ''}`;
            assertSame(out, expected(a, b, sizes, factors, scales, before), what);
          }
        }
      }
    });

    test(`${title}: a row is rounded within half a step, and no step is wider than it must be`, () => {
      const random = createRandom(5);
      for (const count of [...COUNTS, 96, 192]) {
        for (const misalignment of MISALIGNMENTS) {
          for (const deviation of [1e-20, 1, 1e20]) {
            const x = random.normal(count, deviation);
            const guarded = guard();
            const words = Math.ceil(count / 2);
            const out = guarded.region('integers', words, misalignment);
            const { pointer } = guarded.regionOf('x', x, misalignment);
            const factor = quantizeOperand(out.pointer, pointer, count, largest);
            guarded.assertCanaries();
            const q = new Int16Array(guarded.read(out).buffer);
            const what = `${count} of ${deviation}`;
            assert.ok(factor <= operandStep(x, largest) * (1 + 1e-5), what);
            for (const [i, number] of x.entries()) {
              assert.ok(Math.abs(factor * q[i]! - number) <= factor * (0.5 + 1e-2), what);
            }
            if (count % 2 === 1) assert.is(q[count], 0, 'the pad');
          }
        }
      }
    });

    test(`${title}: no row and no codes make a sum that leaves 32 bits`, () => {
      const random = createRandom(9);
      const rows = (count: number): readonly Float32Array[] => [
        new Float32Array(count).fill(1), // as many as there are, each as large as the other
        new Float32Array(count).fill(-3e38 / count),
        new Float32Array(count).fill(0.50001).fill(1, 0, 1), // all that rounding up can add
        random.uniform(count, 0.9999, 1),
        random.uniform(count, 1e-6, 1),
        random.normal(count, 1e-25),
        Float32Array.from({ length: count }, (_, i) => 0.5 ** (i % 30)),
        Float32Array.from({ length: count }, (_, i) => (i === 0 ? 1 : 1.5 / 32767)),
      ];
      for (const count of [2, 30, 64, 96, 130, 192, 1024, 65536]) {
        for (const [kindOfRow, x] of rows(count).entries()) {
          const { factor, q } = quantize(x, largest);
          const sum = q.reduce((total, each) => total + Math.abs(each), 0);
          const what = `row ${kindOfRow} of ${count}`;
          assert.ok(factor > 0 && sum > 0, what);
          assert.ok(sum * largest < 2 ** 31, `${what}: ${(sum * largest) / 2 ** 31} of 2^31`);
          // and codes that have the sign of each integer make just that sum
          const sizes = [3, 12, count / 2] as const;
          const codes = Int16Array.from({ length: count * 12 }, (_, i) => {
            const k = 2 * Math.floor(i / 24) + (i % 2);
            return q[k]! < 0 ? -largest : largest;
          });
          const a = Int16Array.from([...q, ...q, ...q]);
          const [ones, none] = [new Float32Array(3).fill(1), new Float32Array(36)];
          const made = product(kind, a, codes, sizes, ones, undefined, none, 0);
          assertSame(made, new Float32Array(36).fill(sum * largest), what);
        }
      }
    });

    test(`${title}: zeros give 0, and what is not finite gives nothing finite`, () => {
      const zeros = quantize(new Float32Array(10), largest);
      assert.is(zeros.factor, 0);
      assert.equal(
        [...zeros.q],
        Array.from({ length: 10 }, () => 0),
      );
      for (const odd of [NaN, Infinity, -Infinity]) {
        for (const place of [0, 5, 9]) {
          const x = new Float32Array(10).fill(1);
          x[place] = odd;
          assert.not(Number.isFinite(quantize(x, largest).factor), `${odd} at ${place}`);
        }
      }
    });
  }

  test.run();
}

/** In whole numbers, then the float32 operations of the contract one by one. */
function expected(
  a: Int16Array,
  b: Int16Array,
  [rows, columns, pairs]: readonly [number, number, number],
  factors: Float32Array,
  scales: Float32Array | undefined,
  before: Float32Array,
): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    const i = Math.floor(at / columns);
    const j = at % columns;
    let sum = 0;
    for (let k = 0; k < pairs * 2; k++) {
      sum += a[i * pairs * 2 + k]! * b[((k >> 1) * columns + j) * 2 + (k & 1)]!;
    }
    assert.ok(Math.abs(sum) < 2 ** 31, 'the operands keep the contract');
    const scaled = Math.fround(Math.fround(sum) * factors[i]!);
    return scales ? scaled * scales[j]! : before[at]! + scaled;
  });
}
