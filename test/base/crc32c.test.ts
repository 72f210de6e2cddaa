import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crc32c } from '../../src/base/crc32c.ts';
import { createRandom } from '../helpers/checks/random.ts';

const test = suite('crc32c()');

test('a bit at a time gives the same, and so do pieces of any length', () => {
  const random = createRandom(15);
  const bytes = Uint8Array.from({ length: 1000 }, () => random.integer(0, 255));
  const expected = bitByBit(bytes);
  for (let cut = 0; cut <= bytes.length; cut += 37) {
    assert.is(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), expected);
  }
  assert.is(crc32c(new Uint8Array(0)), 0);
});

test.run();

function bitByBit(bytes: Uint8Array): number {
  let rest = -1;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0x82f63b78 : 0);
  }
  return ~rest >>> 0;
}
