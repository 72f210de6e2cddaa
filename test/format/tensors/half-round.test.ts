import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { widenToFloat32 } from '../../../src/format/tensors/half.ts';
import { roundToFloat16 } from '../../../src/format/tensors/round-half.ts';
import { createRandom } from '../../helpers/checks/random.ts';

const test = suite('roundToFloat16()');

const halves = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
const widened = widenToFloat32(new Uint8Array(halves.buffer), 'F16');

/** Magnitudes 0 … 65,504 by their bits, and 65,536 in place of infinity. */
const MAGNITUDES = Float64Array.from([...widened.subarray(0, 0x7c00), 65536]);

test('gives back every float16 that is a number, and a NaN for every NaN', () => {
  const rounded = roundToFloat16(widened);
  assert.is(rounded.length, 0x10000);
  for (const half of halves) {
    const isNaN = (half & 0x7fff) > 0x7c00;
    const expected = isNaN ? (half & 0x8000) | 0x7e00 : half;
    if (rounded[half] !== expected) assert.unreachable(`${half} became ${rounded[half]}`);
  }
});

test('halfway between two neighbours goes to the even one, a bit beside it to the nearer', () => {
  for (let half = 0; half < 0x7c00; half++) {
    const middle = (MAGNITUDES[half]! + MAGNITUDES[half + 1]!) / 2; // has 12 bits: exact
    const even = half % 2 === 0 ? half : half + 1;
    const word = new Uint32Array(Float32Array.of(middle).buffer)[0]!;
    const beside = new Float32Array(Uint32Array.of(word - 1, word, word + 1).buffer);
    const found = roundToFloat16(Float32Array.from([...beside, ...beside.map((x) => -x)]));
    const expected = [half, even, half + 1];
    for (let i = 0; i < 6; i++) {
      const bits = i < 3 ? expected[i]! : expected[i - 3]! | 0x8000;
      if (found[i] !== bits) assert.unreachable(`${i} beside ${half}: ${found[i]}, not ${bits}`);
    }
  }
});

test('random float32 of every exponent go to the nearest', () => {
  const random = createRandom(3);
  const words = Uint32Array.from({ length: 200_000 }, () => Math.floor(random.next() * 2 ** 32));
  const values = new Float32Array(words.buffer);
  const found = roundToFloat16(values);
  for (const [i, value] of values.entries()) {
    const bits = Number.isNaN(value) ? 0x7e00 : nearest(Math.abs(value));
    const expected = bits | ((words[i]! >>> 16) & 0x8000);
    if (found[i] !== expected) assert.unreachable(`${value}: ${found[i]}, not ${expected}`);
  }
});

test('the edges: overflow from 65,520 on, infinity, the smallest, signed zeros', () => {
  const edges: [number, number][] = [
    [65504, 0x7bff],
    [65519.99609375, 0x7bff],
    [65520, 0x7c00],
    [3.4e38, 0x7c00],
    [Infinity, 0x7c00],
    [-Infinity, 0xfc00],
    [-65520, 0xfc00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [2 ** -25 * (1 + 2 ** -23), 0x0001],
    [2 ** -26, 0x0000],
    [1e-45, 0x0000],
    [0, 0x0000],
    [-0, 0x8000],
    [-1e-45, 0x8000],
    [NaN, 0x7e00],
  ];
  const found = roundToFloat16(Float32Array.from(edges, ([value]) => value));
  for (const [i, [value, expected]] of edges.entries()) {
    assert.is(found[i]! | 0, expected, `${value}`);
  }
});

test('an odd number of values is padded with a zero; part of an array is read as one', () => {
  assert.equal(roundToFloat16(Float32Array.of(1)), Uint16Array.of(0x3c00, 0));
  assert.equal(roundToFloat16(Float32Array.of(1, 2)), Uint16Array.of(0x3c00, 0x4000));
  assert.equal(roundToFloat16(new Float32Array(0)), new Uint16Array(0));
  const part = Float32Array.of(9, 1, -2, 4, 9).subarray(1, 4);
  assert.equal(roundToFloat16(part), Uint16Array.of(0x3c00, 0xc000, 0x4400, 0));
  assert.equal(part, Float32Array.of(1, -2, 4));
});

/** By bisection over all magnitudes, ties to the even bits. */
function nearest(magnitude: number): number {
  if (magnitude >= 65536) return 0x7c00;
  let [low, high] = [0, 0x7c00];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (MAGNITUDES[middle]! <= magnitude) low = middle;
    else high = middle;
  }
  const down = magnitude - MAGNITUDES[low]!;
  const up = MAGNITUDES[high]! - magnitude;
  if (down === up) return low % 2 === 0 ? low : high;
  return down < up ? low : high;
}

test.run();
