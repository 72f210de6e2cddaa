import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compute } from '../../src/compute/compute.ts';
import { packedBytes, type PackedWeight } from '../../src/layout/packed-weight.ts';
import { findDifference, packInput, packItems } from '../../src/weights/panels.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { createRandom } from '../helpers/checks/random.ts';

const SEED = 11;
const RUNS = 200;

const compute = new Compute(await createEngine({ simd: 'baseline' }));
const { heap, kernels } = compute;

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

/** Zeroed panels. */
function panelsOf(rows: number, k: number): PackedWeight {
  const shape = { rows, k, dtype: 'f32' } as const;
  return { at: heap.allocate(packedBytes(shape)), ...shape };
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

test('packItems() and packInput(), cut anywhere, give the panels that pack() gives', () => {
  const isSame = fc.property(weight, ({ columns, k, most }) => {
    const values = createRandom(columns * k).uniform(columns * k);
    const transposed = values.map(
      (_, at) => values[(at % columns) * k + Math.floor(at / columns)]!,
    );
    const [from, inputs] = [store(values), store(transposed)];
    const [whole, rows, byInput] = [0, 0, 0].map(() => panelsOf(columns, k));
    kernels.pack(whole!.at, from, 0, columns, k);
    for (const [piece, { first, count }] of pieces(columns, most).entries()) {
      // whole rows, and each second time parts of one
      if (piece % 2 === 0) {
        packItems(compute, rows!, from + first * k * 4, first * k, count * k);
        continue;
      }
      for (let row = first; row < first + count; row++) {
        for (const part of pieces(k, most)) {
          const at = row * k + part.first;
          packItems(compute, rows!, from + at * 4, at, part.count);
        }
      }
    }
    for (let input = 0; input < k; input++) {
      for (const { first, count } of pieces(columns, most)) {
        const at = inputs + (input * columns + first) * 4;
        packInput(compute, byInput!, at, input, first, count);
      }
    }
    const expected = heap.floats(whole!.at, packedBytes(whole!) / 4);
    assert.equal(heap.floats(rows!.at, expected.length), expected);
    assert.equal(heap.floats(byInput!.at, expected.length), expected);
    for (const { at } of [whole!, rows!, byInput!]) heap.release(at);
    for (const address of [from!, inputs!]) heap.release(address);
  });
  fc.assert(isSame, { seed: SEED, numRuns: RUNS });
});

test('findDifference() finds the first number that another was packed in place of', () => {
  const isFound = fc.property(weight, fc.nat(), fc.nat(), ({ columns, k, most }, one, other) => {
    const length = columns * k;
    const values = createRandom(length).uniform(length);
    const from = store(values);
    const panels = panelsOf(columns, k);
    kernels.pack(panels.at, from, 0, columns, k);
    const first = one % length;
    const count = Math.min(most, length - first);
    const find = () => findDifference(heap, panels, from + first * 4, first, count);
    assert.is(find(), -1);
    const numbers = heap.floats(from, length);
    for (const index of [one % length, other % length]) numbers[index] = 5;
    const changed = [one % length, other % length].filter(
      (at) => at >= first && at < first + count,
    );
    assert.is(find(), Math.min(...changed));
    heap.release(from);
    heap.release(panels.at);
  });
  fc.assert(isFound, { seed: SEED, numRuns: RUNS });
});

test.run();
