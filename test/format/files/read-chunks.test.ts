import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readChunks } from '../../../src/format/files/read-chunks.ts';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import type { ByteSource } from '../../../src/format/files/byte-source.ts';

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);

/** A source that fills arrays, as files do. */
const file: ByteSource = {
  ...bytesSource('file', BYTES),
  async readInto(offset, target) {
    target.set(BYTES.subarray(offset, offset + target.length));
  },
};

const test = suite('readChunks()');

for (const [label, source] of [
  ['into arrays', file],
  ['out of memory', bytesSource('file', BYTES)],
] as const) {
  test(`${label}: every byte once, a piece whole until the next but one is drawn`, async () => {
    const whole: number[] = [];
    let before: Uint8Array | undefined;
    for await (const piece of readChunks(source, 3, 95, 10)) {
      if (before) whole.push(...before);
      before = piece;
    }
    whole.push(...before!);
    assert.equal(whole, [...BYTES.subarray(3, 98)]);
  });
}

test('takes no more than two arrays, none longer than what is read', async () => {
  const buffers = new Set<ArrayBufferLike>();
  for await (const { buffer } of readChunks(file, 0, 100, 10)) buffers.add(buffer);
  assert.is(buffers.size, 2);
  for await (const { buffer } of readChunks(file, 0, 5, 10)) assert.is(buffer.byteLength, 5);
});

test.run();
