import {
  type Checkpoint,
  convertCheckpoint,
  openCheckpoint,
  type ConvertedFile,
} from '../../convert.ts';
import { command } from '../arguments.ts';
import { EXIT_CODE, UsageError } from '../exit.ts';
import type { Host } from '../terminal/host.ts';
import { flag, text } from '../command-spec.ts';
import { checkOutput, writeFolder, type OutputFolder } from '../output-folder.ts';
import { ProgressBar } from '../terminal/progress.ts';
import { print } from '../terminal/output.ts';
import { count, decimals, renderTable, type Row } from '../report/table.ts';

const FORMATS = { torch: 'PyTorch', gguf: 'GGUF' } as const;

const SPEC = {
  name: 'convert',
  about: 'Convert a PyTorch T6 checkpoint or a GGUF LLaMA to config.json and .safetensors.',
  operand: {
    placeholder: 'SOURCE',
    about: 'pytorch_model.bin, ckpt.pt, a .gguf file, or a directory with one of the first two',
  },
  options: {
    out: text('DIR', { about: 'folder to write, new or empty' }),
    dryRun: flag('check the source and show what would be written'),
    force: flag('replace a converted model in DIR'),
  },
  notes: [
    'No code in a checkpoint is run: a pickle that holds anything but tensors and plain containers is\n' +
      'refused. Of GGUF, the types F32, F16, BF16, Q8_0 and Q4_0 are read; the last two become F32.',
    'DIR appears when everything is written, or not at all.',
  ],
};

/** `tpa convert`. */
export const convertCommand = command(SPEC, async ({ values, operand: source }, host) => {
  const { out, dryRun = false, force = false } = values;
  if (out === undefined) throw new UsageError('"--out" expected DIR, got nothing');
  const output = await checkOutput(out, source, force);
  const checkpoint = await openCheckpoint(source);
  try {
    const files = await convertCheckpoint(checkpoint);
    print(host.stdout, renderCheckpoint(checkpoint, files));
    if (dryRun) return EXIT_CODE.ok;
    const started = performance.now();
    await write(output, files, host);
    print(host.stdout, renderWritten(out, files, (performance.now() - started) / 1000));
    return EXIT_CODE.ok;
  } finally {
    await checkpoint.close();
  }
});

async function write(
  output: OutputFolder,
  files: readonly ConvertedFile[],
  { hasProgress, stderr, signal }: Host,
): Promise<void> {
  const bar = hasProgress ? new ProgressBar(stderr, 'converting') : undefined;
  const total = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
  let loaded = 0;
  try {
    await writeFolder(output, files, {
      signal,
      onBytes(bytes) {
        loaded += bytes;
        bar?.update({ loaded, total });
      },
    });
  } finally {
    bar?.erase();
  }
}

/** What was recognised, and what will be written. */
function renderCheckpoint(checkpoint: Checkpoint, files: readonly ConvertedFile[]): string {
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
function renderWritten(path: string, files: readonly ConvertedFile[], seconds: number): string {
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
