import { Compute } from '../../src/compute/compute.ts';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RopeSpec } from '../../src/attention/rope.ts';
import { RopeTables } from '../../src/compute/rope.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { assertWithin, ROUNDING } from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { rope } from '../reference/rope.ts';
import { ropeTable } from '../reference/rope-table.ts';

const SPEC: RopeSpec = { rotaryDim: 10, theta: 10_000, precision: 'float32', direction: 1 };
const YARN = {
  type: 'yarn',
  factor: 4,
  originalContext: 64,
  betaFast: 4,
  betaSlow: 1,
  attentionFactor: 1.25,
  isTruncated: true,
} as const;

const test = suite('RopeTables');
const engine = await createEngine({ simd: 'baseline' });

const tablesOf = (spec: RopeSpec, position: number, count: number) => {
  const tables = new RopeTables(new Compute(engine), spec, count);
  tables.fill(position, count);
  const read = (at: number) => engine.heap.floats(at, count * tables.pairs).slice();
  const found = { cos: read(tables.cosAt), sin: read(tables.sinAt) };
  tables.dispose();
  return found;
};

test('cosAt and sinAt hold (tokens, pairs) of the positions filled last', () => {
  const { cos, sin } = tablesOf(SPEC, 70, 3);
  const expected = ropeTable([70, 71, 72], 10, 'float32');
  assertWithin(cos, expected.cos, () => ROUNDING, 'cos');
  assertWithin(sin, expected.sin, () => ROUNDING, 'sin');
});

test('decay: both tables times decay^angle', () => {
  const plain = tablesOf(SPEC, 300, 2);
  const damped = tablesOf({ ...SPEC, decay: 0.999 }, 300, 2);
  const frequencies = [0, 1, 2, 3, 4].map((i) => 10_000 ** (-i / 5));
  for (const part of ['cos', 'sin'] as const) {
    const expected = Array.from(plain[part], (x, i) => {
      return x * 0.999 ** ((300 + Math.floor(i / 5)) * frequencies[i % 5]!);
    });
    assertWithin(damped[part], expected, () => 4 * ROUNDING, part);
  }
});

test('yarn: tables of the scaled frequencies times its attention factor; linear: of t / factor', () => {
  const linear = tablesOf({ ...SPEC, scaling: { type: 'linear', factor: 4 } }, 40, 1);
  const quarter = tablesOf(SPEC, 10, 1);
  assertWithin(linear.cos, quarter.cos, () => 16 * ROUNDING, 'linear');
  const yarn = tablesOf({ ...SPEC, scaling: YARN }, 40, 1);
  assert.ok(Math.abs(yarn.cos[0]! - 1.25 * Math.cos(40)) < 4 * ROUNDING, 'the first pair is kept');
  assertWithin(
    yarn.cos.subarray(4),
    quarter.cos.subarray(4).map((x) => 1.25 * x),
    () => 4 * ROUNDING,
    'the last pair is divided',
  );
});

test('rotate() turns the first rotaryDim of width numbers, and returns its memory when disposed', () => {
  const used = engine.heap.used;
  const [tokens, rows, width, stride] = [3, 2, 14, 31];
  const x = createRandom(5).normal(tokens * stride);
  const at = engine.heap.allocate(x.byteLength);
  engine.heap.floats(at, x.length).set(x);
  const tables = new RopeTables(new Compute(engine), SPEC, tokens);
  tables.fill(9, tokens);
  tables.rotate({ at, stride }, tokens, rows, width);
  const table = ropeTable([9, 10, 11], 10, 'float32');
  const actual = engine.heap.floats(at, x.length).slice();
  tables.dispose();
  engine.heap.release(at);
  const isRotated = (i: number) => i % stride < rows * width && (i % stride) % width < 10;
  const pick = (y: Float32Array) => y.filter((_, i) => isRotated(i));
  const expected = rope(pick(x), table, { tokens, rows, headDim: 10 });
  assertWithin(pick(actual), expected, () => 32 * ROUNDING, 'rotated');
  const rest = (y: Float32Array) => y.filter((_, i) => !isRotated(i));
  assertSame(rest(actual), rest(x), 'passed through');
  assert.is(engine.heap.used, used);
});

test.run();
