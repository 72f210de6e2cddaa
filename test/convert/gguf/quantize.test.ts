import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  narrowToBfloat16,
  narrowToFloat16,
  quantizeQ4,
  quantizeQ8,
} from '../../../src/convert/gguf/quantize.ts';
import { Q4_0, Q8_0 } from '../../../src/format/gguf/blocks/legacy.ts';
import { roundToHalf } from '../../helpers/files/build-checkpoint.ts';
import { encode } from '../../helpers/files/build-safetensors.ts';
import { createRandom } from '../../helpers/checks/random.ts';
import { roundToBfloat16 } from '../../reference/rope-table.ts';

const { abs, fround, sign, floor, trunc, min } = Math;

/** What the C reference of ggml does for one block, an operation a line, each rounded to float32. */
function referenceQ8(x: Float32Array): number[] {
  let amax = 0;
  for (const v of x) amax = abs(v) > amax ? abs(v) : amax;
  const d = fround(amax / 127);
  const id = d === 0 ? 0 : fround(1 / d);
  const codes = Array.from(x, (v) => {
    const scaled = fround(v * id);
    return sign(scaled) * floor(abs(scaled) + 0.5); // roundf
  });
  return [...encode([roundToHalf(d)], 'F16'), ...codes.map((code) => code & 0xff)];
}

function referenceQ4(x: Float32Array): number[] {
  let amax = 0;
  let max = 0;
  for (const v of x) {
    if (amax < abs(v)) {
      amax = abs(v);
      max = v;
    }
  }
  const d = fround(max / -8);
  const id = d === 0 ? 0 : fround(1 / d);
  const code = (v: number): number => min(15, trunc(fround(fround(v * id) + 8.5)));
  const bytes = Array.from({ length: 16 }, (_, j) => code(x[j]!) | (code(x[16 + j]!) << 4));
  return [...encode([roundToHalf(d)], 'F16'), ...bytes];
}

const TYPES = [
  { name: 'Q8_0', quantize: quantizeQ8, reference: referenceQ8, bytes: 34 },
  { name: 'Q4_0', quantize: quantizeQ4, reference: referenceQ4, bytes: 18 },
];

const test = suite('quantizeQ8(), quantizeQ4()');

for (const { name, quantize, reference, bytes } of TYPES) {
  const check = (values: Float32Array): void => {
    const blocks = values.length / 32;
    const out = new Uint8Array(blocks * bytes);
    assert.is(quantize(values, out), -1);
    const expected = Array.from({ length: blocks }, (_, block) =>
      reference(values.subarray(32 * block, 32 * block + 32)),
    );
    assert.equal([...out], expected.flat());
  };

  test(`${name}: blocks of any numbers are those of the reference`, () => {
    const value = fc.float({ noNaN: true, min: -8e4, max: 8e4 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 32, maxLength: 32 }), (values) => {
        check(Float32Array.from(values));
      }),
      { numRuns: 500 },
    );
  });

  test(`${name}: 4,000 blocks of normal numbers at scales from 2^-20 to 2^15`, () => {
    const values = createRandom(5).normal(128_000);
    for (let i = 0; i < values.length; i++) values[i]! *= 2 ** ((Math.floor(i / 32) % 36) - 20);
    check(values);
  });

  test(`${name}: zeros of either sign, halves, equal magnitudes`, () => {
    check(new Float32Array(32));
    check(new Float32Array(32).fill(-0));
    check(Float32Array.from({ length: 32 }, (_, i) => (i % 2 === 0 ? 127 : -127) / 2));
    check(Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? 127 : i - 15.5)));
    check(Float32Array.from({ length: 32 }, (_, i) => (i === 9 ? -8 : i / 2 - 7.5)));
  });

  test(`${name}: numbers so small that 1 / scale is infinite become zeros`, () => {
    const out = new Uint8Array(bytes);
    assert.is(quantize(new Float32Array(32).fill(1e-40), out), -1);
    assert.equal(
      [...out.subarray(0, 2)].map((byte) => byte & 0x7f),
      [0, 0],
    );
  });

  test(`${name}: a scale that float16 cannot hold is told by its block`, () => {
    const values = new Float32Array(96);
    values[70] = -1e9;
    assert.is(quantize(values, new Uint8Array(3 * bytes)), 64);
  });
}

test('what is read back is within half a step of what was written, a step for the largest in 4 bits', () => {
  const values = createRandom(6).normal(32 * 64);
  for (const [quantize, { dequantize, blockBytes }, steps] of [
    [quantizeQ8, Q8_0, 127],
    [quantizeQ4, Q4_0, 8],
  ] as const) {
    const out = new Uint8Array(64 * blockBytes);
    quantize(values, out);
    const read = new Float32Array(values.length);
    dequantize(out, read);
    for (let block = 0; block < 64; block++) {
      const range = [32 * block, 32 * block + 32] as const;
      const most = Math.max(...values.subarray(...range).map((value) => abs(value)));
      // Q4_0 has no code for +8: what would take it is a step off. The scale is rounded too.
      const bound = (most / steps) * ((steps === 8 ? 1 : 0.5) + steps * 2 ** -11);
      for (let i = range[0]; i < range[1]; i++) assert.ok(abs(read[i]! - values[i]!) <= bound);
    }
  }
});

test('float16 and bfloat16: nearest, ties to even; what is too large is told by its index', () => {
  const values = Float32Array.from([1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, -6e-8, 65_504, 65_519, 0.1]);
  const halves = new Uint8Array(14);
  assert.is(narrowToFloat16(values, halves), -1);
  const rounded = [...values].map((value) => (value > 65_504 ? 65_504 : roundToHalf(value)));
  assert.equal([...halves], [...encode(rounded, 'F16')]);
  assert.is(narrowToFloat16(Float32Array.of(1, 65_520), new Uint8Array(4)), 1);
  const wide = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -1e38, 1e-40, 0.1);
  const out = new Uint8Array(12);
  assert.is(narrowToBfloat16(wide, out), -1);
  const expected = Float32Array.from(wide, (value) => roundToBfloat16(value));
  const bits = new Uint32Array(expected.buffer);
  assert.equal(
    [...new Uint16Array(out.buffer)],
    Array.from(bits, (word) => word >>> 16),
  );
  assert.is(narrowToBfloat16(Float32Array.of(0, 3.4e38), new Uint8Array(4)), 1);
});

test.run();
