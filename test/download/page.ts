import { type LoadOptions, loadModel, type ModelInfo, TpaError } from '../../src/index.ts';

/** What a page is asked to load. */
export interface Ask {
  readonly base: string;
  readonly cache?: 'auto' | 'reload' | 'none';
  /** Aborts after so many milliseconds. */
  readonly abortAfter?: number;
}

/** What came of it. */
export interface Answer {
  readonly logits?: readonly number[];
  readonly cache?: ModelInfo['cache'];
  readonly code?: string;
  readonly message?: string;
  /** Names of the files in the cache. */
  readonly kept: readonly string[];
}

async function load({ base, cache = 'auto', abortAfter }: Ask): Promise<Answer> {
  const options: LoadOptions = { simd: 'baseline', backend: 'wasm', cache };
  const controller = new AbortController();
  if (abortAfter !== undefined) setTimeout(() => controller.abort(), abortAfter);
  try {
    using model = await loadModel(base, { ...options, signal: controller.signal });
    const logits = [...(await model.logits([5, 6, 7, 8]))];
    return { logits, cache: model.info().cache, kept: await keptFiles() };
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
