import { checkAbort, TpaError } from '../base/errors.ts';
import { type LoadFiles, openSource } from '../download/open-source.ts';
import type { ModelFiles } from '../format/files/model-files.ts';
import type { ModelSource } from '../format/files/model-source.ts';
import { compileKernels, createEngine, type Engine } from '../wasm/engine.ts';
import type { Adapters } from './adapters.ts';
import type { LoadOptions } from './load-options.ts';

/** Codes of a file that is not what it should be. */
const CONTENT_CODES = /^(WEIGHTS|CONFIG|CHECKPOINT|MODEL|TOKENIZER|CHAT_TEMPLATE)_/;

/** Where a model's files are, and what is made of them. */
export interface FilesUse {
  /** Whether of weights the headers alone are read, default false. */
  readonly isHeaderOnly?: boolean;
  /** Whether the engine is to have a memory that workers can have, default false. */
  readonly isShared?: boolean;
  /** The files of a source that another thread has. */
  readonly filesAtHand?: ModelFiles | undefined;
}

/**
 * What `use` makes of a model's files, which are closed then as are those of its adapters, with an
 * engine of its own. Where it fails on the content of what a cache had, all is fetched once more;
 * where a shared memory does not grow, another engine with a plain one takes its place.
 *
 * @throws as `openSource` and `createEngine`; what `use` throws
 */
export async function withFiles<T>(
  source: ModelSource,
  options: LoadOptions,
  use: (files: LoadFiles, engine: Engine, adapters: Adapters | undefined) => Promise<T>,
  { isHeaderOnly = false, isShared = false, filesAtHand }: FilesUse = {},
): Promise<T> {
  const { cache = 'auto', endpoint, fetch, onProgress, sha256 = {}, signal, lora } = options;
  // what adapters need is loaded for them: 5 KB
  const adapting = lora === undefined ? undefined : await import('./adapters.ts');
  const plan = adapting?.planAdapters(lora);
  // once: a response can be read once
  const kernels = await compileKernels(options, { signal, isShared }).catch((error: unknown) => {
    checkAbort(signal);
    throw error;
  });
  let hasCached = false;
  let shared: Engine['shared'];
  const attempt = async (isReload: boolean, compiled = kernels): Promise<T> => {
    const engine = await createEngine(options, compiled);
    ({ shared } = engine);
    // weights beyond the memory cannot be used
    const maxWeightBytes = engine.heap.limit;
    const common = { cache, endpoint, fetch, signal, maxWeightBytes, isReload, isHeaderOnly };
    const how = { ...common, sha256, onProgress, filesAtHand };
    const files = await openSource(source, plan?.ofModel(source, how) ?? how);
    const adapters = plan?.open(how);
    try {
      return await use(files, engine, adapters);
    } finally {
      hasCached = files.hasCached || adapters?.hasCached === true;
      await files.close();
      await adapters?.close();
    }
  };
  try {
    return await attempt(false);
  } catch (error) {
    if (shared) {
      const { growthRefusal } = await import('../wasm/open-shared.ts');
      const unsharedReason = growthRefusal(error, options.memoryLimit);
      if (unsharedReason) return attempt(false, { ...kernels, isShared: false, unsharedReason });
    }
    if (!hasCached || !isOfContent(error)) throw error;
    return attempt(true);
  }
}

/** Whether a file is to blame for an error, rather than a server that gave no answer, its cause. */
function isOfContent(error: unknown): boolean {
  if (!(error instanceof TpaError)) return false;
  const isOfNetwork = error.code === 'MODEL_NOT_FOUND' && error.cause !== undefined;
  return CONTENT_CODES.test(error.code) && !isOfNetwork;
}
