import { printable } from '../../base/errors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../../format/errors.ts';
import { readPickle } from './pickle.ts';
import { locateZipEntry, readZipDirectory, type ZipEntry } from './zip.ts';
import { type ByteSource, readMagic, tooLarge } from '../../format/files/byte-source.ts';
import { refuseStandIn } from '../../format/files/stand-in.ts';
import type { PickleValue } from './pickle-values.ts';
import type { TorchStorage } from './objects.ts';

/** A file of `torch.save`: what was saved, and where its elements are. */
export interface TorchArchive {
  readonly root: PickleValue;
  readonly source: ByteSource;
  /**
   * First byte of a storage in the file.
   *
   * @throws TpaError `CHECKPOINT_INVALID` where its file is missing or of another length
   */
  locate(storage: TorchStorage): Promise<number>;
}

/** `PK` and the numbers of a file that is stored: how a zip archive begins. */
export const ZIP_SIGNATURE = 0x04034b50;
const PICKLE = /^[^/]+\/data\.pkl$/;
/** 262,144 tensors (weights, two moments, steps) of 200 bytes. */
const MAX_PICKLE_BYTES = 64 * 2 ** 20;
/** `little` or `big`. */
const MAX_BYTE_ORDER_BYTES = 16;

/**
 * Reads the structure of a file of `torch.save` (PyTorch 1.6 and later); no element is read and no
 * code in it is run.
 *
 * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED`, `RESOURCE_LIMIT`, `WEIGHTS_TRUNCATED`
 */
export async function readTorchArchive(source: ByteSource): Promise<TorchArchive> {
  const file = `"${printable(source.name)}"`;
  if ((await readMagic(source)) !== ZIP_SIGNATURE) {
    await refuseStandIn(source, 'CHECKPOINT_INVALID');
    const expected = 'a zip archive (load and torch.save it with PyTorch 1.6 or later)';
    const found = source.size === 0 ? 'no bytes: download it again' : 'a legacy torch file or none';
    throw unsupportedCheckpoint(file, expected, found);
  }
  const entries = await readZipDirectory(source);
  const pickles = [...entries.keys()].filter((name) => PICKLE.test(name));
  if (pickles.length !== 1) {
    const found = `${pickles.length}: pass the file that torch.save has written`;
    throw invalidCheckpoint(file, 'one data.pkl in the zip archive', found);
  }
  const root = pickles[0]!.slice(0, -'data.pkl'.length);
  if (entries.has(`${root}constants.pkl`)) {
    throw unsupportedCheckpoint(file, 'a file of torch.save', 'a TorchScript program');
  }
  await checkByteOrder(source, entries.get(`${root}byteorder`));
  const bytes = await readEntry(source, entries.get(pickles[0]!)!, MAX_PICKLE_BYTES);
  const subject = `${file} data.pkl`;
  return {
    root: readPickle(bytes, subject),
    source,
    async locate({ key, length, elementBytes }) {
      const entry = entries.get(`${root}data/${key}`);
      const expected = length * elementBytes;
      if (entry?.byteLength === expected) return locateZipEntry(source, entry);
      const shown = `${file} file "data/${printable(key)}"`;
      throw invalidCheckpoint(shown, `${expected} bytes`, entry ? entry.byteLength : 'none');
    },
  };
}

async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (entry === undefined) return; // PyTorch before 2.1
  const bytes = await readEntry(source, entry, MAX_BYTE_ORDER_BYTES);
  if (new TextDecoder().decode(bytes).trim() === 'little') return;
  const file = `"${printable(source.name)}"`;
  throw unsupportedCheckpoint(file, 'little-endian elements', 'another byte order');
}

async function readEntry(source: ByteSource, entry: ZipEntry, limit: number): Promise<Uint8Array> {
  if (entry.byteLength <= limit) {
    return source.read(await locateZipEntry(source, entry), entry.byteLength);
  }
  throw tooLarge(source.name, entry.byteLength, limit, entry.name);
}
