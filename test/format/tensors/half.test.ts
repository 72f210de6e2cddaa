import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { firstNonFinite, widenToFloat32 } from '../../../src/format/tensors/half.ts';

const test = suite('widenToFloat32()');

function allHalves(): Uint8Array {
  return new Uint8Array(Uint16Array.from({ length: 0x10000 }, (_, i) => i).buffer);
}

test('widens all 65,536 float16 as IEEE 754 defines them', () => {
  const widened = widenToFloat32(allHalves(), 'F16');
  for (let half = 0; half < 0x10000; half++) {
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    let value = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24;
    if (exponent === 31) value = fraction ? NaN : Infinity;
    const expected = half & 0x8000 ? -value : value;
    if (!Object.is(widened[half], expected)) {
      assert.unreachable(`half ${half}: expected ${expected}, got ${widened[half]}`);
    }
  }
});

test('widens all 65,536 bfloat16 to the float32 of the same leading bits', () => {
  const bits = new Uint32Array(widenToFloat32(allHalves(), 'BF16').buffer);
  for (let i = 0; i < 0x10000; i++) if (bits[i] !== i * 0x10000) assert.unreachable(`${i}`);
});

test('gives the same bits at every byte alignment 0..15 and keeps the source', () => {
  for (const dtype of ['F32', 'F16', 'BF16'] as const) {
    const bytes = Uint8Array.from({ length: 48 }, (_, i) => (i * 37) & 0x7b);
    const expected = widenToFloat32(bytes, dtype);
    for (let shift = 0; shift < 16; shift++) {
      const shifted = new Uint8Array(64);
      shifted.set(bytes, shift);
      const found = widenToFloat32(shifted.subarray(shift, shift + 48), dtype);
      assert.equal(found, expected, `${dtype} at ${shift}`);
      found.fill(9);
      assert.equal(shifted.subarray(shift, shift + 48), bytes);
    }
  }
});

test('refuses half an element', () => {
  assert.throws(() => widenToFloat32(new Uint8Array(6), 'F32'), /"bytes" expected a multiple of 4/);
  assert.throws(() => widenToFloat32(new Uint8Array(3), 'F16'), RangeError);
});

test('firstNonFinite() finds NaN and infinities at any index, -1 without', () => {
  assert.is(firstNonFinite(new Float32Array()), -1);
  assert.is(firstNonFinite(new Float32Array([0, -0, 3.4e38, -3.4e38, 1e-45])), -1);
  for (const poison of [NaN, Infinity, -Infinity]) {
    for (let i = 0; i < 9; i++) {
      const values = new Float32Array(9).fill(1);
      values[i] = poison;
      assert.is(firstNonFinite(values), i);
    }
  }
});

test.run();
