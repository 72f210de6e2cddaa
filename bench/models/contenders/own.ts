import type { LoadOptions } from '../../../src/index.ts';
import type { Contender } from './contender.ts';
import { promptIds, secondsOf } from './contender.ts';

const LIBRARY = new URL('../../../dist/index.js', import.meta.url);

/** This library, as it is published, on its kernels. */
export async function openOwn(
  path: string,
  dtype: 'auto' | 'f32' | 'q8' | 'q4',
  contextLength: number,
  threads: number,
): Promise<Contender> {
  const { loadModel } = (await import(LIBRARY.href)) as typeof import('../../../src/index.ts');
  const options: LoadOptions = { backend: 'wasm', dtype, contextLength, threads };
  const model = await loadModel(path, options);
  const found = model.info().threads;
  if (found !== threads) throw new Error(`"threads" expected ${threads}, got ${found}`);
  let session = model.createSession();
  const evaluate = (count: number) => session.prefill(promptIds(count, session.length));
  return {
    async prefill(tokens) {
      session.dispose();
      session = model.createSession();
      return secondsOf(() => evaluate(tokens));
    },
    async extend(tokens) {
      const missing = tokens - session.length;
      return { tokens: missing, seconds: await secondsOf(() => evaluate(missing)) };
    },
    async decode(tokens) {
      const { length } = session;
      const seconds = await secondsOf(async () => {
        for (const id of promptIds(tokens, length)) await session.decode(id);
      });
      session.truncate(length);
      return seconds / tokens;
    },
    async dispose() {
      model.dispose();
    },
  };
}
