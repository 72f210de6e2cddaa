import { printable, type TpaError } from '../../base/errors.ts';
import { invalidCheckpoint } from '../errors.ts';
import type { ByteSource } from '../files/byte-source.ts';
import { type GgufHeader, type GgufTensor, readGgufHeader } from './header.ts';

/** The number of a part among its set, from 0 on. */
const NUMBER = 'split.no';
/** What the format stores it in. */
const MAX_PARTS = 65_535;

/** A file of a set. */
interface Part extends GgufHeader {
  readonly file: string;
  readonly number: number;
  readonly count: number;
}

/**
 * The headers of all files of a model as one: the metadata of the first part, and the tensors of all
 * in the order in which they are read.
 *
 * @param sources a whole model, or the parts of one in any order
 * @throws TpaError `CHECKPOINT_INVALID` naming the file that is no part of the set, is there twice or
 *   lacks another; what {@link readGgufHeader} throws
 */
export async function readGgufParts(sources: readonly ByteSource[]): Promise<GgufHeader> {
  const parts: Part[] = [];
  for (const source of sources) parts.push(await readPart(source, sources.length));
  if (parts.length === 1) return parts[0]!;
  parts.sort((a, b) => a.number - b.number);
  const [first] = parts;
  const tensors = new Map<string, GgufTensor>();
  for (const [i, part] of parts.entries()) {
    const before = parts[i - 1];
    if (before?.number === part.number) {
      const found = `the same part ${part.number + 1} as in "${printable(before.file)}"`;
      throw misplaced(part.file, `another part of the ${parts.length}`, found);
    }
    const key = first!.metadata.contradiction(part.metadata, NUMBER);
    if (key !== undefined) {
      const expected = `"${printable(key)}" as in "${printable(first!.file)}"`;
      throw misplaced(part.file, expected, 'another: it is a part of another model');
    }
    for (const [name, tensor] of part.tensors) {
      const other = tensors.get(name);
      if (other !== undefined) throw twice(name, other.source.name, part.file);
      tensors.set(name, tensor);
    }
  }
  const { metadata } = first!;
  const expected = metadata.integer('split.tensors.count', 0, 2 ** 31) ?? tensors.size;
  if (tensors.size === expected) return { metadata, tensors };
  throw misplaced(first!.file, `${expected} tensors in all parts`, String(tensors.size));
}

async function readPart(source: ByteSource, files: number): Promise<Part> {
  const header = await readGgufHeader(source);
  const file = source.name;
  const number = header.metadata.integer(NUMBER, 0, MAX_PARTS) ?? 0;
  const count = Math.max(1, header.metadata.integer('split.count', 0, MAX_PARTS) ?? 1);
  if (number >= count) throw misplaced(file, `a part of ${count}`, `number ${number + 1}`);
  if (count === files) return { ...header, file, number, count };
  const found = count === 1 ? 'a whole model' : `part ${number + 1} of ${count}`;
  if (files > 1) throw misplaced(file, `a part of ${files}`, found);
  const cure = 'pass all parts, or one whose name ends in -00001-of-00002.gguf beside the others';
  throw misplaced(file, 'a whole model', `${found}: ${cure}`);
}

function misplaced(file: string, expected: string, found: string): TpaError {
  return invalidCheckpoint(`the GGUF file "${printable(file)}"`, expected, found);
}

function twice(tensor: string, file: string, other: string): TpaError {
  const found = `in "${printable(file)}" and "${printable(other)}"`;
  return invalidCheckpoint(`tensor "${printable(tensor)}"`, 'in one part', found);
}
