import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { locateZipEntry, readZipDirectory } from '../../../src/convert/torch/zip.ts';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { buildZip, type ZipEnd, type ZipFile } from '../../helpers/files/build-zip.ts';
import { bytesOf } from '../../helpers/files/bytes.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';
import type { TpaErrorCode } from '../../../src/base/errors.ts';

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
const CASES: readonly [string, readonly ZipFile[], ZipEnd, TpaErrorCode][] = [
  ['a deflated file', [{ ...FILES[0]!, method: 8 }], {}, 'MODEL_UNSUPPORTED'],
  ['an encrypted file', [{ ...FILES[0]!, flags: 1 }], {}, 'MODEL_UNSUPPORTED'],
  ['two files of one name', [FILES[0]!, { ...FILES[1]!, name: 'a/one' }], {}, 'CHECKPOINT_INVALID'],
  [
    'two entries for one file',
    [FILES[0]!, { ...FILES[1]!, headerOffset: 0 }],
    {},
    'CHECKPOINT_INVALID',
  ],
  [
    'a file longer than it is',
    [{ ...FILES[0]!, listedBytes: 4096 }, FILES[1]!],
    {},
    'CHECKPOINT_INVALID',
  ],
  [
    'a file over the next by one byte',
    [{ ...FILES[0]!, listedBytes: 6 + CANARY.length }, FILES[1]!],
    {},
    'CHECKPOINT_INVALID',
  ],
  ['a file beyond the archive', [{ ...FILES[0]!, headerOffset: 10_000 }], {}, 'CHECKPOINT_INVALID'],
  [
    'a bomb of 2 GB',
    [{ ...FILES[0]!, listedBytes: big, storedBytes: 5 }],
    {},
    'CHECKPOINT_INVALID',
  ],
  ['another local name', [{ ...FILES[0]!, listedName: 'a/xne' }], {}, 'CHECKPOINT_INVALID'],
  ['more entries than there are', FILES, { count: 4 }, 'CHECKPOINT_INVALID'],
  ['2^31 entries', FILES, { count: big, usesZip64: true }, 'CHECKPOINT_INVALID'],
  [
    'a directory of 2^53 bytes',
    FILES,
    { directoryBytes: 2 ** 53, usesZip64: true },
    'CHECKPOINT_INVALID',
  ],
  [
    'a directory at 2^63',
    FILES,
    { directoryOffset: 2n ** 63n, usesZip64: true },
    'CHECKPOINT_INVALID',
  ],
  ['a directory elsewhere', FILES, { directoryOffset: 0 }, 'CHECKPOINT_INVALID'],
];

for (const [label, files, end, code] of CASES) {
  test(`refuses ${label}`, async () => {
    const marked = files.map((file) => ({ ...file, bytes: bytesOf(file.bytes, CANARY) }));
    const error = await refused(() => contents(buildZip(marked, end)), code, label);
    assert.match(error.message, / expected .*, found /);
  });
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
