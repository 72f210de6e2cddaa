import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readChunks } from '../../src/convert/read-chunks.ts';

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);

/** Fills arrays from the fourth byte on. */
const read = async (offset: number, target: Uint8Array): Promise<void> =>
  target.set(BYTES.subarray(3 + offset, 3 + offset + target.length));

const test = suite('readChunks()');

test('every byte once, a piece whole until the next but one is drawn', async () => {
  const whole: number[] = [];
  let before: Uint8Array | undefined;
  for await (const piece of readChunks(read, 95, 10)) {
    if (before) whole.push(...before);
    before = piece;
  }
  whole.push(...before!);
  assert.equal(whole, [...BYTES.subarray(3, 98)]);
});

test('takes no more than two arrays, none longer than what is read', async () => {
  const buffers = new Set<ArrayBufferLike>();
  for await (const { buffer } of readChunks(read, 97, 10)) buffers.add(buffer);
  assert.is(buffers.size, 2);
  for await (const { buffer } of readChunks(read, 5, 10)) assert.is(buffer.byteLength, 5);
});

test.run();
