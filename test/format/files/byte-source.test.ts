import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesSource, readAll } from '../../../src/format/files/byte-source.ts';
import { eachRefused, refused } from '../../helpers/checks/refused.ts';

const test = suite('bytesSource()');

const BYTES = Uint8Array.of(9, 1, 2, 3, 9);

test('reads exactly the bytes asked for, of a view or a buffer', async () => {
  for (const bytes of [BYTES.subarray(1, 4), BYTES.slice(1, 4).buffer]) {
    const source = bytesSource('f', bytes);
    assert.is(source.size, 3);
    for (let offset = 0; offset <= 3; offset++) {
      for (let length = 0; length <= 3 - offset; length++) {
        const expected = BYTES.slice(1 + offset, 1 + offset + length);
        assert.equal(Uint8Array.from(await source.read(offset, length)), expected);
      }
    }
  }
});

test('refuses what passes the end, by any amount', async () => {
  const source = bytesSource('f', BYTES.subarray(1, 4));
  const pieces = [
    [0, 4],
    [3, 1],
    [4, 0],
    [2 ** 53, 2 ** 53],
  ] as const;
  await eachRefused(([offset, length]) => source.read(offset, length), 'WEIGHTS_TRUNCATED', pieces);
});

test('readAll() closes the file whether it fits or not', async () => {
  let closed = 0;
  const source = { ...bytesSource('f', BYTES), close: async () => void closed++ };
  assert.equal(await readAll(source, 5), BYTES);
  const error = await refused(() => readAll(source, 4), 'RESOURCE_LIMIT');
  assert.equal(error.data, { needed: 5, limit: 4 });
  assert.is(closed, 2);
});

test.run();
