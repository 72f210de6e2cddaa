import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdsNonFinite } from '../../src/convert/finite.ts';
import { widenToFloat32 } from '../../src/format/tensors/half.ts';

const test = suite('NaN and infinities while converting');

test('stored elements: every half is told finite or not, in either half of a word and alone', () => {
  for (const dtype of ['F16', 'BF16'] as const) {
    for (let half = 0; half < 0x10000; half++) {
      const words = [[half], [half, 0x8001], [0x8001, half], [0x8001, 0, half]];
      const isFinite = Number.isFinite(widenToFloat32(elements(half), dtype)[0]);
      for (const word of words) {
        if (holdsNonFinite(elements(...word), dtype) !== !isFinite) {
          assert.unreachable(`${dtype} ${half} in ${word.join(', ')}`);
        }
      }
    }
  }
  for (const [value, isFinite] of [
    [3.4028234663852886e38, true],
    [-3.4028234663852886e38, true],
    [-0, true],
    [1e-45, true],
    [NaN, false],
    [-Infinity, false],
  ] as const) {
    const bytes = new Uint8Array(Float32Array.of(1, value, -2).buffer);
    assert.is(holdsNonFinite(bytes, 'F32'), !isFinite, `${value}`);
  }
});

test('stored elements: one of any place is found, be it read alone or with seven others', () => {
  for (let length = 1; length <= 27; length++) {
    for (let at = 0; at < length; at++) {
      const values = new Float32Array(length).fill(1);
      assert.not.ok(holdsNonFinite(new Uint8Array(values.buffer), 'F32'));
      values[at] = Infinity;
      assert.ok(holdsNonFinite(new Uint8Array(values.buffer), 'F32'), `${at} of ${length}`);
    }
  }
});

test('stored elements: of those that share a scale the first one tells', () => {
  const values = new Float32Array(96).fill(1);
  const bytes = new Uint8Array(values.buffer);
  values.fill(NaN, 64);
  assert.ok(holdsNonFinite(bytes, 'F32', 32));
  values[64] = 1;
  assert.not.ok(holdsNonFinite(bytes, 'F32', 32));
});

test.run();

function elements(...halves: number[]): Uint8Array {
  return new Uint8Array(Uint16Array.from(halves).buffer);
}
