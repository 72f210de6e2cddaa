import type { Checkpoint, CheckpointTensor, ConvertedFile } from '../../convert.ts';
import { BYTES_PER_NUMBER } from './cache-table.ts';
import { count, renderTable, type Row } from './table.ts';

const FORMATS = { torch: 'PyTorch', gguf: 'GGUF', safetensors: 'safetensors' } as const;

/** What was recognised, and what will be written. */
export function renderCheckpoint(checkpoint: Checkpoint, files: readonly ConvertedFile[]): string {
  const { format, family, tensors, tokenizer, notes } = checkpoint;
  const elements = tensors.reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  const rows: Row[] = [
    ['source', `${FORMATS[format]}, ${family}`],
    ['tensors', `${count(tensors.length)} (${types(checkpoint)})`],
    ['weights', `${count(tensors.reduce((sum, { byteLength }) => sum + byteLength, 0))} bytes`],
    ['memory', `${count(elements * BYTES_PER_NUMBER)} bytes of weights once loaded, as float32`],
    ['tokenizer', tokenizer ? 'yes' : 'none'],
    ...files.map(({ name, byteLength }): Row => ['file', `${name}, ${count(byteLength)} bytes`]),
    ...[...notes, ...notesOf(files)].map((note): Row => ['note', note]),
  ];
  return renderTable(rows);
}

/** What `--json` says. */
export function describeConversion(
  checkpoint: Checkpoint,
  files: readonly ConvertedFile[],
  written: { readonly path: string; readonly seconds: number } | undefined,
): object {
  const { format, family, tensors, tokenizer, notes } = checkpoint;
  return {
    source: format,
    family,
    parameters: tensors.reduce((sum, { shape }) => sum + elementsOf(shape), 0),
    hasTokenizer: tokenizer !== undefined,
    tensors: tensors.map(({ name, shape, storedAs }) => ({ name, shape, storedAs })),
    files: files.map(({ name, byteLength }) => ({ name, byteLength })),
    notes: [...notes, ...notesOf(files)],
    written: written ?? null,
  };
}

function notesOf(files: readonly ConvertedFile[]): string[] {
  return files.flatMap((file) => file.notes ?? []);
}

/** `F16 40, Q8_0 -> F32 100`. */
function types({ tensors }: Checkpoint): string {
  const counts = new Map<string, number>();
  for (const tensor of tensors) {
    const type = typeOf(tensor);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return Array.from(counts, ([type, tensorCount]) => `${type} ${count(tensorCount)}`).join(', ');
}

/** Every tensor, a line each. */
export function renderTensors({ tensors }: Checkpoint): string {
  return renderTable(
    tensors.map((tensor): Row => {
      const { name, shape, byteLength } = tensor;
      return [name, `${typeOf(tensor)} (${shape.join(', ')}), ${count(byteLength)} bytes`];
    }),
  );
}

function typeOf({ dtype, storedAs }: CheckpointTensor): string {
  return storedAs === dtype ? dtype : `${storedAs} -> ${dtype}`;
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
