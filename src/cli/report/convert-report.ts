import type { Checkpoint, ConvertedFile } from '../../convert.ts';
import { count, decimals, renderTable, type Row } from './table.ts';

const FORMATS = { torch: 'PyTorch', gguf: 'GGUF' } as const;

/** What was recognised, and what will be written. */
export function renderCheckpoint(checkpoint: Checkpoint, files: readonly ConvertedFile[]): string {
  const { format, family, tensors, tokenizer, notes } = checkpoint;
  const rows: Row[] = [
    ['source', `${FORMATS[format]}, ${family}`],
    ['tensors', `${count(tensors.length)} (${types(checkpoint)})`],
    ['weights', `${count(tensors.reduce((sum, { byteLength }) => sum + byteLength, 0))} bytes`],
    ['tokenizer', tokenizer ? 'yes' : 'none'],
    ...files.map(({ name, byteLength }): Row => ['file', `${name}, ${count(byteLength)} bytes`]),
    ...notes.map((note): Row => ['note', note]),
  ];
  return renderTable(rows);
}

/** @param seconds from the first byte read to the last on the disk */
export function renderWritten(
  path: string,
  files: readonly ConvertedFile[],
  seconds: number,
): string {
  const bytes = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const speed = `${count(bytes / seconds / 1e6)} MB/s`;
  return renderTable([['written', `${path} in ${decimals(seconds)} s, ${speed}`]]);
}

/** `F16 40, Q8_0 -> F32 100`. */
function types({ tensors }: Checkpoint): string {
  const counts = new Map<string, number>();
  for (const { dtype, storedAs } of tensors) {
    const type = storedAs === dtype ? dtype : `${storedAs} -> ${dtype}`;
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return Array.from(counts, ([type, tensorCount]) => `${type} ${count(tensorCount)}`).join(', ');
}
