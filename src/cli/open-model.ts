import { type EstimateOptions, loadModel, type Model, TpaError } from '../index.ts';
import { UsageError } from './exit.ts';
import type { Host } from './terminal/host.ts';
import {
  adapter,
  bytes,
  choice,
  flag,
  integer,
  repeated,
  text,
  type OptionValues,
  wordOr,
} from './command-spec.ts';
import { SHIPPED_MODEL } from './package-files.ts';
import { ProgressBar } from './terminal/progress.ts';

/** A WebAssembly memory ends a page before 4 GiB. */
const MOST_MEMORY = 2 ** 32 - 2 ** 16;

/** Options of every command that needs a model. */
export const MODEL_OPTIONS = {
  model: text('MODEL', {
    short: 'm',
    about: 'folder, .gguf, URL or hf:ORG/NAME',
    fallback: 'the one in the package',
  }),
  simd: choice(['auto', 'baseline', 'relaxed'], {
    about: 'kernels to compute with',
    fallback: 'auto',
  }),
  backend: choice(['auto', 'wasm', 'webgpu'], {
    about: 'who computes: the CPU, a GPU, or the faster one',
    fallback: 'auto',
  }),
  threads: wordOr(
    'auto',
    integer({ about: 'threads that compute; auto takes the fastest', min: 1, max: 64 }),
  ),
  dtype: choice(['auto', 'f32', 'q8', 'q4'], {
    about: 'layout of weights; auto keeps what the files have',
    fallback: 'auto',
  }),
  cacheDtype: choice(['f32', 'i16', 'q8'], {
    about: 'how factors are cached: 4, 2 or 1 bytes a number',
    fallback: 'f32',
  }),
  lora: repeated(adapter({ about: 'LoRA adapter to add: folder, URL or hf:ORG/NAME' })),
  context: integer({ about: 'tokens of context at most', min: 1, fallback: "the model's" }),
  memory: bytes({
    about: 'memory that it may take',
    min: 2 ** 20,
    max: 2 ** 32,
    range: '1MiB..4GiB',
  }),
  json: flag('print one JSON object to stdout at the end, and nothing else'),
};

/** A model and where it came from. */
export interface OpenedModel {
  readonly model: Model;
  readonly path: string;
  readonly loadMilliseconds: number;
}

/**
 * Loads the model that the options name, with a progress bar where one can be shown.
 *
 * @throws TpaError as `loadModel` does
 */
export async function openModel(
  values: OptionValues<typeof MODEL_OPTIONS>,
  host: Host,
): Promise<OpenedModel> {
  const { model: path = SHIPPED_MODEL, backend = 'auto', threads = 'auto', json = false } = values;
  const started = performance.now();
  const bar = host.hasProgress && !json ? new ProgressBar(host.stderr) : undefined;
  try {
    const model = await loadModel(path, {
      ...memoryOptions(values),
      backend,
      threads,
      signal: host.signal,
      onProgress: ({ rate, ...amount }) =>
        bar?.update(isAddress(path) ? { ...amount, rate } : amount),
    });
    return { model, path, loadMilliseconds: performance.now() - started };
  } catch (error) {
    throw asTyped(error);
  } finally {
    bar?.erase();
  }
}

/** What of the options decides how much memory a model takes. */
export function memoryOptions({
  simd = 'auto',
  dtype = 'auto',
  cacheDtype = 'f32',
  lora,
  context,
  memory,
}: OptionValues<typeof MODEL_OPTIONS>): EstimateOptions {
  return {
    simd,
    dtype,
    cacheDtype,
    ...(lora === undefined ? {} : { lora }),
    ...(context === undefined ? {} : { contextLength: context }),
    ...(memory === undefined ? {} : { memoryLimit: Math.min(memory, MOST_MEMORY) }),
  };
}

/** An error whose cure is an option of the library, with the one that can be typed. */
export function asTyped(error: unknown): unknown {
  const isMistake =
    error instanceof TypeError &&
    /^"(?:source|lora\[\d+\]\.source|HF_[A-Z]+)" expected/.test(error.message);
  if (isMistake) {
    const typed = error.message.replace('"source"', '"--model"');
    return new UsageError(typed.replace(/^"lora[^"]*"/, '"--lora"'));
  }
  if (!(error instanceof TpaError) || error.code !== 'RESOURCE_LIMIT') return error;
  const message = error.message
    .replace(/a "dtype" of "(\w+)"/, '--dtype $1')
    .replace(/a "contextLength" of at most (\d+)/, '--context $1')
    .replace(/load it with a larger "memoryLimit"/, 'no --context is short enough');
  return new TpaError(error.code, message, { cause: error, data: error.data });
}

/** Whether a model is downloaded: its rate is of interest, and its address may hold secrets. */
export function isAddress(path: string): boolean {
  return /^(?:https?:\/\/|hf:)/i.test(path);
}
