import { parse, resolve } from 'node:path';
import { convertCheckpoint, openCheckpoint, type ConvertedFile } from '../../convert.ts';
import { command } from '../arguments.ts';
import { EXIT_CODE, shown, UsageError } from '../exit.ts';
import { sweepBeside } from '../hidden-folder.ts';
import type { Host } from '../terminal/host.ts';
import { flag, text } from '../command-spec.ts';
import { checkOutput, writeFolder, type OutputFolder } from '../output-folder.ts';
import { ProgressBar } from '../terminal/progress.ts';
import { print } from '../terminal/output.ts';
import { renderCheckpoint, renderTensors } from '../report/checkpoint-report.ts';
import { count, decimals, renderTable } from '../report/table.ts';

const SPEC = {
  name: 'convert',
  about: 'Convert a PyTorch T6 checkpoint or a GGUF file to config.json and .safetensors.',
  operand: {
    placeholder: 'SOURCE',
    about: 'pytorch_model.bin, ckpt.pt, a .gguf file, or a directory with one of the first two',
    cure: 'name the folder to write with --out',
  },
  options: {
    out: text('DIR', {
      short: 'o',
      about: 'folder to write, new or empty; needed unless --dry-run',
    }),
    dryRun: flag('check the source, list every tensor and file, write nothing'),
    force: flag('replace a converted model in DIR'),
  },
  notes: [
    'No code in a checkpoint is run: a pickle that holds anything but tensors and plain containers is\n' +
      'refused. Of GGUF, the types F32, F16, BF16, Q8_0 and Q4_0 are read; the last two become F32.',
    'DIR appears when everything is written, or not at all. What a run that was killed has left\n' +
      'beside it is removed by the next one.',
  ],
};

/** `tpa convert`. */
export const convertCommand = command(SPEC, async ({ values, operand: source }, host) => {
  const { out, dryRun = false, force = false } = values;
  if (out === undefined && !dryRun) throw noOutput(source);
  if (out !== undefined && !dryRun) await sweepBeside(out);
  const output = out === undefined ? undefined : await checkOutput(out, source, force);
  const checkpoint = await openCheckpoint(source);
  try {
    const files = await convertCheckpoint(checkpoint);
    print(host.stdout, renderCheckpoint(checkpoint, files));
    if (output === undefined || dryRun) {
      print(host.stdout, `\n${renderTensors(checkpoint)}`);
      return EXIT_CODE.ok;
    }
    const started = performance.now();
    await write(output, files, host);
    print(host.stdout, renderWritten(output, files, (performance.now() - started) / 1000));
    return EXIT_CODE.ok;
  } finally {
    await checkpoint.close();
  }
});

/** The name of the source without its ending; a folder cannot be written into itself. */
function noOutput(source: string): UsageError {
  const { name, ext } = parse(resolve(source));
  const example = shown(ext === '' ? `${name}-converted` : name);
  const message = `convert expected --out DIR, the folder to write, or --dry-run, got neither; e.g. --out ${example}`;
  return new UsageError(message);
}

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

/** @param seconds from the first byte read to the last on the disk */
function renderWritten(
  { path }: OutputFolder,
  files: readonly ConvertedFile[],
  seconds: number,
): string {
  const bytes = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const speed = `${count(bytes / seconds / 1e6)} MB/s`;
  return renderTable([['written', `${path} in ${decimals(seconds)} s, ${speed}`]]);
}
