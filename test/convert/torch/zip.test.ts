import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { locateZipEntry, readZipDirectory } from '../../../src/convert/torch/zip.ts';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { buildZip, type ZipEnd, type ZipFile } from '../../helpers/files/build-zip.ts';
import { bytesOf } from '../../helpers/files/bytes.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';

const FILES: readonly ZipFile[] = [
  { name: 'a/one', bytes: bytesOf('first') },
  { name: 'a/two', bytes: bytesOf('the second') },
  { name: 'a/none', bytes: new Uint8Array() },
];

/** Reads the directory and every file in it. */
async function contents(archive: Uint8Array): Promise<ReadonlyMap<string, string>> {
  const source = bytesSource('test.zip', archive);
  const texts = new Map<string, string>();
  for (const entry of (await readZipDirectory(source)).values()) {
    const at = await locateZipEntry(source, entry);
    texts.set(entry.name, new TextDecoder().decode(await source.read(at, entry.byteLength)));
  }
  return texts;
}

const test = suite('readZipDirectory()');

for (const usesZip64 of [false, true]) {
  test(`finds every stored file, ${usesZip64 ? 'zip64' : '32-bit'}`, async () => {
    const texts = await contents(
      buildZip(FILES, { usesZip64, comment: 'a comment PK\u0005\u0006' }),
    );
    assert.equal(Object.fromEntries(texts), {
      'a/one': 'first',
      'a/two': 'the second',
      'a/none': '',
    });
  });
}

const big = 2 ** 31;
const [FIRST, SECOND] = FILES as [ZipFile, ZipFile];
type Cases = Readonly<Record<string, readonly [readonly ZipFile[], ZipEnd?]>>;
const UNSUPPORTED: Cases = {
  'a deflated file': [[{ ...FIRST, method: 8 }]],
  'an encrypted file': [[{ ...FIRST, flags: 1 }]],
};
const INVALID: Cases = {
  'two files of one name': [[FIRST, { ...SECOND, name: 'a/one' }]],
  'two entries for one file': [[FIRST, { ...SECOND, headerOffset: 0 }]],
  'a file longer than it is': [[{ ...FIRST, listedBytes: 4096 }, SECOND]],
  'a file over the next by one byte': [[{ ...FIRST, listedBytes: 6 + CANARY.length }, SECOND]],
  'a file beyond the archive': [[{ ...FIRST, headerOffset: 10_000 }]],
  'a bomb of 2 GB': [[{ ...FIRST, listedBytes: big, storedBytes: 5 }]],
  'another local name': [[{ ...FIRST, listedName: 'a/xne' }]],
  'more entries than there are': [FILES, { count: 4 }],
  '2^31 entries': [FILES, { count: big, usesZip64: true }],
  'a directory of 2^53 bytes': [FILES, { directoryBytes: 2 ** 53, usesZip64: true }],
  'a directory at 2^63': [FILES, { directoryOffset: 2n ** 63n, usesZip64: true }],
  'a directory elsewhere': [FILES, { directoryOffset: 0 }],
};

for (const [code, cases] of [
  ['MODEL_UNSUPPORTED', UNSUPPORTED],
  ['CHECKPOINT_INVALID', INVALID],
] as const) {
  for (const [label, [files, end]] of Object.entries(cases)) {
    test(`refuses ${label}`, async () => {
      const marked = files.map((file) => ({ ...file, bytes: bytesOf(file.bytes, CANARY) }));
      await refused(() => contents(buildZip(marked, end)), code, label, / expected .*, found /);
    });
  }
}

for (const usesZip64 of [false, true]) {
  test(`refuses an archive cut at any byte, ${usesZip64 ? 'zip64' : '32-bit'}`, async () => {
    const archive = buildZip(FILES, { usesZip64 });
    for (let length = 0; length < archive.length; length++) {
      const cut = archive.subarray(0, length);
      await refused(() => contents(cut), ['CHECKPOINT_INVALID', 'WEIGHTS_TRUNCATED'], `${length}`);
    }
  });
}

test('an archive with any byte changed reads or is refused by a TpaError', async () => {
  const archive = buildZip(FILES, { usesZip64: true });
  let refusals = 0;
  for (let at = 0; at < archive.length; at++) {
    for (const value of [0, 0x7f, 0xff, archive[at]! ^ 1]) {
      const changed = Uint8Array.from(archive);
      changed[at] = value;
      const outcome = await contents(changed).catch((error: unknown) => error);
      if (outcome instanceof Map) continue;
      await refused(
        () => Promise.reject(outcome),
        ['CHECKPOINT_INVALID', 'MODEL_UNSUPPORTED', 'WEIGHTS_TRUNCATED'],
        `byte ${at} = ${value}`,
      );
      refusals++;
    }
  }
  assert.ok(refusals > 300, `${refusals} refusals`);
});

test.run();
