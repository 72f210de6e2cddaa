import * as assert from 'uvu/assert';
import { crc32c as twin } from '../../src/base/crc32c.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { kernelSuite } from '../helpers/kernels/kernel-bench.ts';

/** None, a remainder, one block of 256 bytes, three of each part's 16, and what follows them. */
const LENGTHS = [0, 1, 2, 15, 16, 17, 255, 256, 257, 511, 512, 3 * 256, 8 * 256 + 77, 40_000];

/** As many bytes. */
const thirtyTwo = (byte: (i: number) => number) =>
  Uint8Array.from({ length: 32 }, (_, i) => byte(i));

await kernelSuite('crc32c()', ({ test, kernels, guard }) => {
  const random = createRandom(14);

  /** The CRC of bytes that begin `offset` bytes into a region, whose canaries must stay. */
  function crcOf(bytes: Uint8Array, offset = 0): number {
    const guarded = guard();
    const padded = new Uint8Array(Math.ceil((offset + bytes.length + 1) / 4) * 4);
    padded.set(bytes, offset);
    const scratch = guarded.regionOf('scratch', new Int32Array(128).fill(-1));
    const from = guarded.regionOf('x', new Int32Array(padded.slice().buffer));
    const crc = kernels.crc32c(scratch.pointer, from.pointer + offset, bytes.length) >>> 0;
    guarded.assertCanaries();
    assert.equal(new Uint8Array(guarded.read(from).buffer, 0, padded.length), padded);
    return crc;
  }

  test('known values: of digits, zeros, ones and a count, as RFC 3720 has them', () => {
    const known = [
      [new TextEncoder().encode('123456789'), 0xe3069283],
      [thirtyTwo(() => 0), 0x8a9136aa],
      [thirtyTwo(() => 255), 0x62a8ab43],
      [thirtyTwo((i) => i), 0x46dd794e],
      [thirtyTwo((i) => 31 - i), 0x113fdb5c],
    ] as const;
    for (const [x, crc] of known) assert.equal([crcOf(x), twin(x)], [crc, crc]);
  });

  test('is that of the twin, bit for bit, whatever the length and alignment', () => {
    for (const length of LENGTHS) {
      const x = Uint8Array.from({ length }, () => random.integer(0, 255));
      for (const offset of [0, 1, 3]) assert.is(crcOf(x, offset), twin(x), `${length} bytes`);
    }
    for (let run = 0; run < 200; run++) {
      const x = Uint8Array.from({ length: random.integer(0, 3000) }, () => random.integer(0, 255));
      assert.is(crcOf(x), twin(x), `${x.length} bytes`);
    }
  });

  test('every flipped bit gives another', () => {
    const x = Uint8Array.from({ length: 300 }, () => random.integer(0, 255));
    const seen = new Set([crcOf(x)]);
    for (let bit = 0; bit < 8 * x.length; bit++) {
      const flipped = x.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      seen.add(crcOf(flipped));
    }
    assert.is(seen.size, 8 * x.length + 1);
  });
});
