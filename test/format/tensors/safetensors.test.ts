import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensorsHeader } from '../../../src/format/tensors/safetensors.ts';
import { fileOf, readHeader, three } from '../../helpers/files/header-files.ts';
import { assertCost } from '../../helpers/checks/cost.ts';
import { CANARY, eachRefused, refused } from '../../helpers/checks/refused.ts';
import { buildSafetensors, withHeader } from '../../helpers/files/build-safetensors.ts';
import type { ByteSource } from '../../../src/format/files/byte-source.ts';

const test = suite('readSafetensorsHeader()');

/** A file without tensors and a header of `length` bytes. */
function headerOf(length: number): Uint8Array {
  return withHeader('{}'.padEnd(length));
}

test('gives names, dtypes, shapes and absolute offsets; ignores __metadata__', async () => {
  const header = JSON.stringify({ __metadata__: { format: 'pt' }, ...three() });
  const entries = await readHeader(withHeader(header, new Uint8Array(24)));
  const start = 8 + header.length;
  assert.equal(
    [...entries.values()],
    [
      { name: 'a', dtype: 'F32', shape: [2], offset: start, byteLength: 8 },
      { name: 'b', dtype: 'F16', shape: [2, 1], offset: start + 8, byteLength: 4 },
      { name: 'c', dtype: 'I32', shape: [1, 3], offset: start + 12, byteLength: 12 },
    ],
  );
  assert.is((await readHeader(withHeader('{}'))).size, 0);
});

test('accepts scalars, tensors without elements anywhere between others, and any order', async () => {
  const entries = await readHeader(
    fileOf(
      {
        last: { dtype: 'U8', shape: [3], data_offsets: [4, 7] },
        none: { dtype: 'F64', shape: [0, 9], data_offsets: [0, 0] },
        gap: { dtype: 'F64', shape: [9, 0], data_offsets: [4, 4] },
        scalar: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
        end: { dtype: 'BOOL', shape: [0], data_offsets: [7, 7] },
      },
      7,
    ),
  );
  assert.is(entries.size, 5);
});

test('accepts white space around the header: all 16 residues of the data start', async () => {
  const text = JSON.stringify(three());
  for (let pad = 0; pad < 16; pad++) {
    for (const header of [text + ' '.repeat(pad), '\r\n\t '.repeat(4).slice(0, pad) + text]) {
      const entries = await readHeader(withHeader(header, new Uint8Array(24)));
      assert.is(entries.get('c')?.offset, 8 + header.length + 12);
    }
  }
});

test('W1 refuses every wrong header length before it reads the header', async () => {
  const lengths = [0n, 1n, 2n ** 31n, 2n ** 32n + 16n, 2n ** 53n + 1n, 2n ** 64n - 1n, 2n ** 24n];
  const file = fileOf(three(), 24);
  const near = [-1n, 0n, 1n].flatMap((step) => lengths.map((n) => BigInt.asUintN(64, n + step)));
  for (const length of near.filter((n) => n < 2n || n > 2n ** 24n)) {
    // its beginning, which is also looked at for text in the file's place
    const prefix = new Uint8Array(64);
    new DataView(prefix.buffer).setBigUint64(0, length, true);
    const source: ByteSource = {
      name: 'f',
      size: 2 ** 52,
      async read(offset, bytes) {
        assert.ok(offset === 0 && bytes <= prefix.length, `${length}`);
        return prefix.slice(0, bytes);
      },
      async close() {},
    };
    await refused(() => readSafetensorsHeader(source), 'WEIGHTS_HEADER_SIZE', `${length}`, {
      found: String(length),
    });
  }
  // Past the end of a file whose header is whole: up to one byte more than the file holds.
  for (const length of [file.length - 7, file.length, file.length + 1, 2 ** 24 - 1]) {
    const wrong = file.slice();
    new DataView(wrong.buffer).setBigUint64(0, BigInt(length), true);
    await refused(() => readHeader(wrong), 'WEIGHTS_HEADER_SIZE', `${length}`);
  }
  // Within the file, but not where the header ends.
  for (let length = 2; length <= file.length - 8; length++) {
    const wrong = file.slice();
    const view = new DataView(wrong.buffer);
    if (view.getBigUint64(0, true) === BigInt(length)) continue;
    view.setBigUint64(0, BigInt(length), true);
    await refused(() => readHeader(wrong), 'WEIGHTS_HEADER_JSON', `${length}`);
  }
});

test('W1 a header takes at most 16 MB', async () => {
  await readHeader(headerOf(2 ** 24));
  await refused(() => readHeader(headerOf(2 ** 24 + 1)), 'WEIGHTS_HEADER_SIZE');
});

test('W2 refuses a file cut at each byte of the first 4 KB and at each tensor edge ± 1', async () => {
  const tensors = Array.from({ length: 40 }, (_, i) => ({
    name: `transformer.h.${i}.weight"}}\\`,
    shape: [i + 1, 2],
    data: new Float32Array(2 * i + 2),
  }));
  const plain = buildSafetensors(tensors);
  const headerLength = Number(new DataView(plain.buffer).getBigUint64(0, true));
  const header = new TextDecoder().decode(plain.subarray(8, 8 + headerLength)) + ' '.repeat(500);
  for (const file of [plain, withHeader(header, plain.subarray(8 + headerLength))]) {
    const cuts = new Set(Array.from({ length: 4096 }, (_, cut) => cut));
    for (const { offset, byteLength } of (await readHeader(file)).values()) {
      for (const edge of [offset, offset + byteLength])
        for (const step of [-1, 0, 1]) cuts.add(edge + step);
    }
    for (const cut of [...cuts].filter((at) => at < file.length)) {
      await refused(() => readHeader(file.subarray(0, cut)), 'WEIGHTS_TRUNCATED', `cut at ${cut}`);
    }
  }
});

test('reads a header of 16 MB, 64 times the entries of a small one, in linear time', async () => {
  const [small, large] = [withEntries(1024), withEntries(65_536)];
  await assertCost({
    what: '65,536 entries',
    control: () => readHeader(small),
    work: async () => assert.is((await readHeader(large)).size, 65_536),
    factor: 640, // quadratic time is 4096 times as much
  });
});

test('W9 refuses headers that are no JSON object of tensors', async () => {
  // what is no JSON at all is refused by the scanner, which has tests of its own
  const headers = [
    ...'[] "" 12 null {}x {"a":1} {"a":[]} \ufeff{} {"a":{"b":1}} {}\u0000'.split(' '),
    ...'{"a":1} [] {"a":{"b":{}}}'.split(' ').map((value) => `{"__metadata__":${value}}`),
    `{"${CANARY}":tru}`,
  ];
  await eachRefused((header) => readHeader(withHeader(header)), 'WEIGHTS_HEADER_JSON', headers);
  await refused(
    () => readHeader(withHeader(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d))),
    'WEIGHTS_HEADER_JSON',
  );
});

test.run();

/** A file of so many entries, 256 bytes of header each. */
function withEntries(entries: number): Uint8Array {
  const header = Array.from(
    { length: entries },
    (_, i) =>
      `"${`t${i}`.padEnd(190, '.')}":{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`,
  );
  return withHeader(`{${header.join(',')}}`.padEnd(entries * 256), new Uint8Array(entries));
}
