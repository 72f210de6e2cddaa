import {
  type LoadOptions,
  type LoadProgress,
  loadModel,
  type ModelInfo,
  TpaError,
} from '../../src/index.ts';

/** What a page is asked to load. */
export interface Ask {
  readonly base: string;
  readonly endpoint?: string;
  readonly cache?: 'auto' | 'reload' | 'none';
  /** Aborts once so many bytes of weights are there. */
  readonly abortAt?: number;
  /** Whether the page itself is to have the model. */
  readonly onPage: boolean;
}

/** What came of it. */
export interface Answer {
  readonly logits?: readonly number[];
  readonly cache?: ModelInfo['cache'];
  readonly worker?: boolean;
  readonly code?: string;
  readonly message?: string;
  /** Names of the files in the cache. */
  readonly kept: readonly string[];
}

async function load({
  base,
  endpoint,
  cache = 'auto',
  abortAt = Infinity,
  onPage,
}: Ask): Promise<Answer> {
  const controller = new AbortController();
  const onProgress = ({ loaded }: LoadProgress): void => {
    if (loaded >= abortAt) controller.abort();
  };
  const options: LoadOptions = {
    simd: 'baseline',
    backend: 'wasm',
    cache,
    onProgress,
    ...(endpoint !== undefined && { endpoint }),
    ...(onPage && { worker: false }),
  };
  try {
    using model = await loadModel(base, { ...options, signal: controller.signal });
    const logits = [...(await model.logits([5, 6, 7, 8]))];
    const { cache: used, worker } = model.info();
    return { logits, cache: used, worker, kept: await keptFiles() };
  } catch (error) {
    const code = error instanceof TpaError ? error.code : String(error);
    return { code, message: String(error), kept: await keptFiles() };
  }
}

async function keptFiles(): Promise<string[]> {
  try {
    const cache = await caches.open('tpa-wasm');
    return (await cache.keys()).map(({ url }) => new URL(url).pathname.split('/').at(-1)!);
  } catch {
    return [];
  }
}

Object.assign(globalThis, { load });
