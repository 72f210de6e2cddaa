import { loadModel, type Model, TpaError } from '../index.ts';
import type { Host } from './terminal/host.ts';
import { choice, flag, integer, text, type OptionValues } from './command-spec.ts';
import { SHIPPED_MODEL } from './package-files.ts';
import { ProgressBar } from './terminal/progress.ts';

/** Options of every command that needs a model. */
export const MODEL_OPTIONS = {
  model: text('MODEL', {
    short: 'm',
    about: 'directory, .gguf file or address',
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
  context: integer({ about: 'tokens of context at most', min: 1, fallback: "the model's" }),
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
  {
    model: path = SHIPPED_MODEL,
    simd = 'auto',
    backend = 'auto',
    context,
    json = false,
  }: OptionValues<typeof MODEL_OPTIONS>,
  host: Host,
): Promise<OpenedModel> {
  const started = performance.now();
  const bar = host.hasProgress && !json ? new ProgressBar(host.stderr) : undefined;
  try {
    const model = await loadModel(path, {
      simd,
      backend,
      ...(context === undefined ? {} : { contextLength: context }),
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

/** An error whose cure is an option of the library, with the one that can be typed. */
function asTyped(error: unknown): unknown {
  if (!(error instanceof TpaError) || error.code !== 'RESOURCE_LIMIT') return error;
  const message = error.message
    .replace(/a "contextLength" of at most (\d+)/, '--context $1')
    .replace(/load it with a larger "memoryLimit"/, 'no --context is short enough');
  return new TpaError(error.code, message, { cause: error, data: error.data });
}

/** Whether a model is downloaded: its rate is of interest, and its address may hold secrets. */
export function isAddress(path: string): boolean {
  return /^https?:\/\//i.test(path);
}
