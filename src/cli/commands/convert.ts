import { dirname, join, parse, resolve } from 'node:path';
import { convertCheckpoint, openCheckpoint, type ConvertedFile } from '../../convert.ts';
import { command } from '../arguments.ts';
import { EXIT_CODE, shown, UsageError } from '../exit.ts';
import { sweepBeside } from '../hidden-folder.ts';
import type { Host } from '../terminal/host.ts';
import {
  adapter,
  bytes,
  choice,
  flag,
  type OptionValues,
  repeated,
  text,
} from '../command-spec.ts';
import { checkOutputFiles, checkReplaced, isGgufPath, writeFiles } from '../output-files.ts';
import { checkOutput, writeFolder, type WriteProgress } from '../output-folder.ts';
import { ProgressBar } from '../terminal/progress.ts';
import { print } from '../terminal/output.ts';
import {
  describeConversion,
  renderCheckpoint,
  renderTensors,
  type Written,
} from '../report/checkpoint-report.ts';
import { count, decimals, renderTable } from '../report/table.ts';

const OPTIONS = {
  out: text('PATH', {
    short: 'o',
    about: 'folder to write, new or empty, or a .gguf file; needed unless --dry-run',
  }),
  dtype: choice(['f32', 'f16', 'bf16', 'q8_0', 'q4_0'], {
    about: 'of a .gguf: what matrices are rounded to; what the source stores unless given',
  }),
  shardSize: bytes({
    about: 'of a .gguf: bytes of a file at most, in files -00001-of-0000N',
    fallback: 'one file',
    range: '1kB..1TB',
    min: 1000,
    max: 1e12,
  }),
  lora: repeated(adapter({ about: 'LoRA adapter to merge: a folder of PEFT' })),
  dryRun: flag('check the source, list every tensor and file, write nothing'),
  force: flag('replace a converted model'),
  json: flag('print one JSON object to stdout at the end, and nothing else'),
};

const SPEC = {
  name: 'convert',
  about: 'Convert a checkpoint to a folder that loads everywhere, or to a single GGUF file.',
  operand: {
    placeholder: 'SOURCE',
    about:
      'pytorch_model.bin, ckpt.pt, a .gguf file, or a directory with one of the first two or, for a\n' +
      '.gguf or with --lora, with .safetensors',
    cure: 'name what to write with --out',
  },
  options: OPTIONS,
  notes: [
    'No code in a checkpoint is run: a pickle that holds anything but tensors and plain containers is\n' +
      'refused. In a folder, quantised types become F32; in a .gguf they stay what they are.',
    'A .gguf holds tokenizer and chat template too. A T6 in one is read by this package alone; models\n' +
      'of the LLaMA family are read by llama.cpp as well.',
    'What --lora changes becomes F32; in a .gguf, where the source has it quantised, Q8_0, unless\n' +
      '--dtype says otherwise.',
    'What is written appears whole, or not at all. What a run that was killed has left beside it is\n' +
      'removed by the next one.',
  ],
};

/** Where a conversion goes. */
interface Target {
  /** What to load when they are written. */
  pathOf(files: readonly ConvertedFile[]): string;
  /** Of a GGUF file. */
  readonly name?: string;
  /** Refuses what would be written over. */
  check(files: readonly ConvertedFile[]): Promise<void>;
  write(files: readonly ConvertedFile[], progress: WriteProgress): Promise<void>;
}

/** `tpa convert`. */
export const convertCommand = command(SPEC, async ({ values, operand: source }, host) => {
  const { out, dtype, shardSize: shardBytes, lora = [], dryRun = false, json = false } = values;
  const format = formatOf(values);
  if (out === undefined && !dryRun) throw noOutput(source);
  if (out !== undefined && !dryRun) await sweepBeside(out);
  const target = out === undefined ? undefined : await targetOf(out, source, values);
  const checkpoint = await openCheckpoint(source, { lora });
  try {
    const options = format === 'gguf' ? { dtype, shardBytes, name: target?.name } : {};
    const files = await convertCheckpoint(checkpoint, { format, ...defined(options) });
    await target?.check(files);
    const show = (table: () => string) => !json && print(host.stdout, table());
    show(() => renderCheckpoint(checkpoint, files));
    let written: Written | undefined;
    if (target === undefined || dryRun) {
      show(() => `\n${renderTensors(checkpoint, files)}`);
    } else {
      const started = performance.now();
      await write(target, files, json ? { ...host, hasProgress: false } : host);
      const seconds = (performance.now() - started) / 1000;
      written = { path: target.pathOf(files), seconds };
      show(() => renderWritten(written!, files));
    }
    const report = describeConversion(checkpoint, files, written);
    if (json) print(host.stdout, `${JSON.stringify(report)}\n`);
    return EXIT_CODE.ok;
  } finally {
    await checkpoint.close();
  }
});

type Values = OptionValues<typeof OPTIONS>;

/** @throws UsageError for an option of GGUF where a folder is written */
function formatOf({ out, dtype, shardSize }: Values): 'gguf' | 'safetensors' {
  if (out !== undefined && isGgufPath(out)) return 'gguf';
  const option = dtype === undefined ? shardSize && '--shard-size' : '--dtype';
  if (!option) return 'safetensors';
  if (out === undefined) return 'gguf';
  throw new UsageError(`"${option}" expected --out to end in .gguf, got ${shown(out)}`);
}

async function targetOf(out: string, source: string, { force = false }: Values): Promise<Target> {
  if (isGgufPath(out)) {
    const output = await checkOutputFiles(out);
    return {
      name: output.name,
      pathOf: ([first]) => join(dirname(output.path), first!.name),
      check: (files) => checkReplaced(output, files, source, force),
      write: (files, progress) => writeFiles(output, files, progress),
    };
  }
  const output = await checkOutput(out, source, force);
  return {
    pathOf: () => output.path,
    check: async () => {},
    write: (files, progress) => writeFolder(output, files, progress),
  };
}

/** The name of the source without its ending; a folder cannot be written into itself. */
function noOutput(source: string): UsageError {
  const { name, ext } = parse(resolve(source));
  const example = shown(ext === '' ? `${name}-converted` : name);
  const message = `convert expected --out PATH, the folder or .gguf file to write, or --dry-run, got neither; e.g. --out ${example}`;
  return new UsageError(message);
}

/** Without options that were not given. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

async function write(
  target: Target,
  files: readonly ConvertedFile[],
  { hasProgress, stderr, signal }: Pick<Host, 'hasProgress' | 'stderr' | 'signal'>,
): Promise<void> {
  const bar = hasProgress ? new ProgressBar(stderr, 'converting') : undefined;
  const total = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
  let loaded = 0;
  try {
    await target.write(files, {
      signal,
      onBytes(written) {
        loaded += written;
        bar?.update({ loaded, total });
      },
    });
  } finally {
    bar?.erase();
  }
}

function renderWritten({ path, seconds }: Written, files: readonly ConvertedFile[]): string {
  const total = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const speed = `${count(total / seconds / 1e6)} MB/s`;
  return renderTable([['written', `${path} in ${decimals(seconds)} s, ${speed}`]]);
}
