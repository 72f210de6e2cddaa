import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packedBytes } from '../../src/compute/project.ts';
import { findDifference, packInput, packRows } from '../../src/weights/panels.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { createRandom } from '../helpers/checks/random.ts';

const SEED = 11;
const RUNS = 200;

const { heap, kernels } = await createEngine({ simd: 'baseline' });

const test = suite('panels');

/** Pieces of `length` numbers, each of at most `most`. */
function pieces(length: number, most: number): { first: number; count: number }[] {
  const random = createRandom(length * 31 + most);
  const list: { first: number; count: number }[] = [];
  for (let first = 0; first < length;) {
    const count = Math.min(length - first, random.integer(1, most));
    list.push({ first, count });
    first += count;
  }
  return list;
}

/** Address of numbers. */
function store(values: Float32Array): number {
  const address = heap.allocate(values.byteLength);
  heap.floats(address, values.length).set(values);
  return address;
}

const weight = fc.record({
  columns: fc.integer({ min: 1, max: 150 }),
  k: fc.integer({ min: 1, max: 60 }),
  most: fc.integer({ min: 1, max: 200 }),
});

test('packRows() and packInput(), cut anywhere, give the panels that pack() gives', () => {
  const isSame = fc.property(weight, ({ columns, k, most }) => {
    const values = createRandom(columns * k).uniform(columns * k);
    const transposed = values.map(
      (_, at) => values[(at % columns) * k + Math.floor(at / columns)]!,
    );
    const [from, inputs] = [store(values), store(transposed)];
    const [whole, rows, byInput] = [0, 0, 0].map(() => heap.allocate(packedBytes(columns, k)));
    kernels.pack(whole!, from, 0, columns, k);
    for (const [piece, { first, count }] of pieces(columns, most).entries()) {
      // whole rows, and each second time parts of one
      if (piece % 2 === 0) {
        packRows(kernels, rows!, k, from + first * k * 4, first * k, count * k);
        continue;
      }
      for (let row = first; row < first + count; row++) {
        for (const part of pieces(k, most)) {
          const at = row * k + part.first;
          packRows(kernels, rows!, k, from + at * 4, at, part.count);
        }
      }
    }
    for (let input = 0; input < k; input++) {
      for (const { first, count } of pieces(columns, most)) {
        const at = inputs + (input * columns + first) * 4;
        packInput(kernels, byInput!, k, at, input, first, count);
      }
    }
    const expected = heap.floats(whole!, packedBytes(columns, k) / 4);
    assert.equal(heap.floats(rows!, expected.length), expected);
    assert.equal(heap.floats(byInput!, expected.length), expected);
    for (const address of [from, inputs, whole, rows, byInput]) heap.release(address!);
  });
  fc.assert(isSame, { seed: SEED, numRuns: RUNS });
});

test('findDifference() finds the first number that another was packed in place of', () => {
  const isFound = fc.property(weight, fc.nat(), fc.nat(), ({ columns, k, most }, one, other) => {
    const length = columns * k;
    const values = createRandom(length).uniform(length);
    const from = store(values);
    const panels = heap.allocate(packedBytes(columns, k));
    kernels.pack(panels, from, 0, columns, k);
    const first = one % length;
    const count = Math.min(most, length - first);
    const find = () => findDifference(heap, panels, k, from + first * 4, first, count);
    assert.is(find(), -1);
    const numbers = heap.floats(from, length);
    for (const index of [one % length, other % length]) numbers[index] = 5;
    const changed = [one % length, other % length].filter(
      (at) => at >= first && at < first + count,
    );
    assert.is(find(), Math.min(...changed));
    heap.release(from);
    heap.release(panels);
  });
  fc.assert(isFound, { seed: SEED, numRuns: RUNS });
});

test.run();
