import { loadModel } from '../../src/index.ts';
import { loadGolden } from '../helpers/checks/golden.ts';
import { goldenSource, livelyWeights } from '../helpers/models/t6-model.ts';
import { html } from '../worker/greeting.ts';

/** What was written by a model, and where it was computed. */
export interface Written {
  readonly worker: boolean;
  readonly workerReason: string;
  readonly threads: number;
  readonly threadsReason: string;
  readonly tokens: readonly number[];
}

const PROMPT = [17, 3, 40, 22, 8];
const GREEDY = { temperature: 0, maxTokens: 8 };

const golden = loadGolden('model_t6');
const source = goldenSource(golden, 'bf16', {}, livelyWeights(golden));

/** Writes by the model `source`, and defines `written`. */
const write = (options: object): string => `
const model = await loadModel(source, ${JSON.stringify({ backend: 'wasm', threads: 2, ...options })});
const generation = model.createSession().generate(${JSON.stringify(PROMPT)}, ${JSON.stringify(GREEDY)});
for await (const token of generation);
const { worker, workerReason, threads, threadsReason } = model.info();
model.dispose();
const written = { worker, workerReason, threads, threadsReason, tokens: generation.tokens };`;

/** Files of a project that writes by a model in a worker, with a thread beside it. */
export const WORKER_PROGRAMS = {
  'config.json': JSON.stringify(source.config),
  'model.safetensors': source.weights as Uint8Array,
  'model.js': `const text = '${Buffer.from(source.weights as Uint8Array).toString('base64')}';
export default {
  config: ${JSON.stringify(source.config)},
  weights: Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0)),
};`,
  'write.js': `
import { loadModel } from 'tpa-wasm';
import source from './model.js';
${write({ worker: true })}
console.log(JSON.stringify(written));`,
  'page.js': `
import { loadModel } from 'tpa-wasm';
const config = await (await fetch('/config.json')).json();
const weights = new Uint8Array(await (await fetch('/model.safetensors')).arrayBuffer());
const source = { config, weights };
${write({})}
await fetch('/report', { method: 'POST', body: JSON.stringify(written) });`,
  'index.html': html('/page.js'),
  'esbuild/index.html': html('/page.js'),
  'webpack/index.html': html('/main.js'),
};

/** The tokens that all of them have to write. */
export async function tokensOfNode(): Promise<readonly number[]> {
  const model = await loadModel(source, { backend: 'wasm' });
  const generation = model.createSession().generate(PROMPT, GREEDY);
  for await (const _ of generation);
  model.dispose();
  return generation.tokens;
}
