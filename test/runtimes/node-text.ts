import { pathToFileURL } from 'node:url';
import { CONSUMER } from './consumer.ts';

/** What the examples are asked for. */
export const REQUEST = { prompt: 'Once upon a time', maxTokens: 40, seed: 7 };

/** What this Node gives on the baseline kernels, with the packed tarball. */
export async function textOfNode({ prompt, ...options }: typeof REQUEST): Promise<string> {
  const folder = `${CONSUMER}/node_modules/tpa-wasm`;
  const { loadModel } = (await import(
    pathToFileURL(`${folder}/dist/index.js`).href
  )) as typeof import('../../src/index.ts');
  const kernels = { backend: 'wasm', simd: 'baseline' } as const;
  const model = await loadModel(`${folder}/models/t6-stories.gguf`, kernels);
  const text = await model.createSession().generate(prompt, options).text();
  model.dispose();
  return text;
}
