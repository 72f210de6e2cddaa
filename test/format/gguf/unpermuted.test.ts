import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ByteSource, bytesSource } from '../../../src/format/files/byte-source.ts';
import { unpermuted } from '../../../src/format/gguf/unpermuted.ts';

const test = suite('unpermuted()');

const [HEADS, HEAD_DIM, ROW_BYTES, START] = [3, 8, 5, 7];

/** Row r of head h as it is stored, where its halves are interleaved. */
const stored = (head: number, row: number) =>
  head * HEAD_DIM + (row < HEAD_DIM / 2 ? 2 * row : 2 * row - HEAD_DIM + 1);

test('any pieces give the rows in order, and read each byte once', async () => {
  const file = Uint8Array.from({ length: START + HEADS * HEAD_DIM * ROW_BYTES }, (_, i) => i);
  const expected = Array.from({ length: HEADS * HEAD_DIM }, (_, row) => {
    const at = START + stored(Math.floor(row / HEAD_DIM), row % HEAD_DIM) * ROW_BYTES;
    return [...file.subarray(at, at + ROW_BYTES)];
  }).flat();
  for (let piece = 1; piece <= expected.length; piece++) {
    const reads: number[] = [];
    const source: ByteSource = {
      ...bytesSource('f', file),
      async readInto(offset, target) {
        reads.push(offset);
        target.set(file.subarray(offset, offset + target.byteLength));
      },
    };
    const rows = unpermuted(source, { offset: START, headDim: HEAD_DIM, rowBytes: ROW_BYTES });
    const found: number[] = [];
    for (let at = 0; at < expected.length; at += piece) {
      const length = Math.min(piece, expected.length - at);
      found.push(...(await rows.read(START + at, length)));
    }
    assert.equal(found, expected, `${piece}`);
    const heads = Array.from({ length: HEADS }, (_, head) => START + head * HEAD_DIM * ROW_BYTES);
    assert.equal(reads, heads, `${piece}`);
  }
});

test.run();
