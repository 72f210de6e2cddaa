import type { ModelSource } from '../format/files/model-source.ts';
import type { Estimate } from './estimate-files.ts';
import { checkOptions, type LoadOptions } from './load-options.ts';

const OPTIONS: readonly (keyof EstimateOptions)[] = [
  'simd',
  'memoryLimit',
  'wasm',
  'contextLength',
  'dtype',
  'lora',
  'cacheDtype',
  'cache',
  'fetch',
  'endpoint',
  'signal',
];

/** Options of `estimateModel`: those of `loadModel` that decide how much memory a model takes, or how it is reached. */
export type EstimateOptions = Pick<
  LoadOptions,
  | 'simd'
  | 'memoryLimit'
  | 'wasm'
  | 'contextLength'
  | 'dtype'
  | 'lora'
  | 'cacheDtype'
  | 'cache'
  | 'fetch'
  | 'endpoint'
  | 'signal'
>;

/**
 * Tells how much memory a model takes before it is loaded, from its configuration and the headers of
 * its files alone: of an address some kilobytes are downloaded, or what a server without ranges has
 * sent by then. Loading takes what is told, to the byte.
 *
 * @param source as of `loadModel`
 * @param options what it would be loaded with
 * @throws as `loadModel` for what it would not load, but for a memory that is too small
 * @example
 * const { totalBytes, longestContext } = await estimateModel('models/t6-stories.gguf', {
 *   memoryLimit: 128e6,
 * });
 */
export async function estimateModel(
  source: ModelSource,
  options: EstimateOptions = {},
): Promise<Estimate> {
  checkOptions('estimateModel', OPTIONS, options);
  // what programs that load without asking do without
  const { estimateFiles } = await import('./estimate-files.ts');
  const { withFiles } = await import('./with-files.ts');
  return withFiles(source, options, (...opened) => estimateFiles(options, ...opened), {
    isHeaderOnly: true,
  });
}
