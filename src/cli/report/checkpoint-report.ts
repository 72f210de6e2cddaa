import type { Checkpoint, ConvertedFile } from '../../convert.ts';
import { BYTES_PER_NUMBER } from './cache-table.ts';
import { count, renderTable, type Row } from './table.ts';

const FORMATS = { torch: 'PyTorch', gguf: 'GGUF', safetensors: 'safetensors' } as const;

/** What a conversion has to do with a tensor. */
interface Conversion {
  readonly name: string;
  /** What the source stores, and what is written. */
  readonly from: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** As it is written. */
  readonly byteLength: number;
}

/** What was written, and how long it took. */
export interface Written {
  /** What to load. */
  readonly path: string;
  /** From the first byte read to the last on the disk. */
  readonly seconds: number;
}

/** What was recognised, and what will be written. */
export function renderCheckpoint(checkpoint: Checkpoint, files: readonly ConvertedFile[]): string {
  const { format, family, tokenizer } = checkpoint;
  const tensors = conversions(checkpoint, files);
  const weights = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const loaded = `${count(parameters(checkpoint) * BYTES_PER_NUMBER)} bytes of weights once loaded, as float32`;
  const rows: Row[] = [
    ['source', `${FORMATS[format]}, ${family}`],
    ['tensors', `${count(tensors.length)} (${types(tensors)})`],
    ['weights', `${count(weights)} bytes`],
    ...(isGguf(files) ? [] : [['memory', loaded] satisfies Row]),
    ['tokenizer', tokenizer ? 'yes' : 'none'],
    ...files.map(({ name, byteLength }): Row => ['file', `${name}, ${count(byteLength)} bytes`]),
    ...notesOf(checkpoint, files).map((note): Row => ['note', note]),
  ];
  return renderTable(rows);
}

/** The same as `--json` says it. */
export function describeConversion(
  checkpoint: Checkpoint,
  files: readonly ConvertedFile[],
  written: Written | undefined,
): object {
  const { format, family, tokenizer } = checkpoint;
  return {
    source: format,
    family,
    parameters: parameters(checkpoint),
    hasTokenizer: tokenizer !== undefined,
    tensors: conversions(checkpoint, files),
    files: files.map(({ name, byteLength }) => ({ name, byteLength })),
    notes: notesOf(checkpoint, files),
    written: written ?? null,
  };
}

/** Every tensor, a line each. */
export function renderTensors(checkpoint: Checkpoint, files: readonly ConvertedFile[]): string {
  return renderTable(
    conversions(checkpoint, files).map((tensor): Row => {
      const { name, shape, byteLength } = tensor;
      return [name, `${typeOf(tensor)} (${shape.join(', ')}), ${count(byteLength)} bytes`];
    }),
  );
}

function conversions({ tensors }: Checkpoint, files: readonly ConvertedFile[]): Conversion[] {
  if (isGguf(files)) {
    return files.flatMap((file) =>
      (file.tensors ?? []).map(({ name, from, type, shape, byteLength }) => {
        return { name, from, type, shape, byteLength };
      }),
    );
  }
  return tensors.map(({ name, storedAs, dtype, shape, byteLength }) => {
    return { name, from: storedAs, type: dtype, shape, byteLength };
  });
}

function isGguf([first]: readonly ConvertedFile[]): boolean {
  return first?.tensors !== undefined;
}

function notesOf({ notes }: Checkpoint, files: readonly ConvertedFile[]): string[] {
  return [...notes, ...files.flatMap((file) => file.notes ?? [])];
}

/** `F16 40, Q8_0 -> F32 100`. */
function types(tensors: readonly Conversion[]): string {
  const counts = new Map<string, number>();
  for (const tensor of tensors) {
    const type = typeOf(tensor);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return Array.from(counts, ([type, tensorCount]) => `${type} ${count(tensorCount)}`).join(', ');
}

function typeOf({ from, type }: Conversion): string {
  return from === type ? type : `${from} -> ${type}`;
}

function parameters({ tensors }: Checkpoint): number {
  return tensors.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
}
