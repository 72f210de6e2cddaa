import { withDevice } from '../../src/backend/webgpu/open.ts';
import { loadModel, type Model, type Session } from '../../src/index.ts';
import { disguiseAdapters } from './disguise.ts';
import type { GenerateAnswer, OpsAsk, RemoteModel, Scenarios } from './host.ts';
import { compareOps } from './ops.ts';

/** Where the host keeps what a GPU needs. */
export interface Assets {
  readonly worker: string;
  readonly faultyWorker: string;
  readonly module?: string;
  /** Asks the host to kill the GPU's process. */
  killGpu?(): Promise<void>;
}

/** Runs one scenario; bundled for every host. */
export async function runScenario(
  assets: Assets,
  name: keyof Scenarios,
  ask: unknown,
): Promise<unknown> {
  if (name === 'logits') return logits(assets, ask as Scenarios['logits']['ask']);
  if (name === 'steps') return steps(assets, ask as Scenarios['steps']['ask']);
  if (name === 'compile') return compile(assets, ask as Scenarios['compile']['ask']);
  if (name === 'ops') return compareOps(gpuOptions(assets, (ask as OpsAsk).fault), ask as OpsAsk);
  return generate(assets, ask as Scenarios['generate']['ask']);
}

async function logits(
  assets: Assets,
  ask: Scenarios['logits']['ask'],
): Promise<Scenarios['logits']['answer']> {
  using model = await open(assets, ask);
  const rows: string[] = [];
  for (const ids of ask.rows) rows.push(encode(await model.logits(ids)));
  return { rows, info: model.info() };
}

async function generate(
  assets: Assets,
  ask: Scenarios['generate']['ask'],
): Promise<GenerateAnswer> {
  using model = await open(assets, ask);
  const changes: { backend: string; reason: string }[] = [];
  model.addEventListener('backendchange', ({ backend, reason }) => {
    changes.push({ backend, reason });
  });
  const times: number[] = [];
  const tokens = await greedy(model.createSession(), ask, times, assets);
  if (ask.awaitsReturn) await gpuBack(model, changes);
  const again = ask.again ? await greedy(model.createSession(), ask, []) : undefined;
  return { tokens, ...(again ? { again } : {}), times, changes, info: model.info() };
}

/** Uses the model until its GPU is back, as a conversation that goes on would. */
async function gpuBack(model: Model, changes: readonly { backend: string }[]): Promise<void> {
  using session = model.createSession();
  for (let round = 0; round < 240 && changes.at(-1)?.backend !== 'webgpu'; round++) {
    await session.decode(1);
    session.truncate(0);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function steps(
  assets: Assets,
  ask: Scenarios['steps']['ask'],
): Promise<Scenarios['steps']['answer']> {
  using model = await open(assets, ask);
  using session = model.createSession();
  const rows: string[] = [];
  for (const { keep, ids } of ask.steps) {
    if (keep !== undefined) session.truncate(keep);
    rows.push(encode(await session.prefill(ids)));
  }
  return { rows, info: model.info() };
}

async function compile(
  assets: Assets,
  { models }: Scenarios['compile']['ask'],
): Promise<Scenarios['compile']['answer']> {
  const options = { ...gpuOptions(assets), allowsSoftware: true };
  return withDevice(options, new AbortController().signal, async (device) => {
    const refused: string[] = [];
    for (const [i, text] of models.entries()) {
      const model = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      const compiling = device.ask('compile', { graph: `test ${i}`, model });
      refused.push(await compiling.then(() => '', String));
    }
    device.close();
    return refused;
  });
}

async function greedy(
  session: Session,
  { prompt, maxTokens, killAfter }: Scenarios['generate']['ask'],
  times: number[],
  assets?: Assets,
): Promise<readonly number[]> {
  const generation = session.generate(prompt, { temperature: 0, maxTokens });
  let start = performance.now();
  for await (const _ of generation) {
    times.push(performance.now() - start);
    if (times.length === killAfter) await assets?.killGpu?.();
    start = performance.now();
  }
  return generation.tokens;
}

function open(assets: Assets, { config, weights, options, fault }: RemoteModel): Promise<Model> {
  if (fault === 'disguise') disguiseAdapters(); // from now on, in this thread
  const bytes = Uint8Array.from(atob(weights), (c) => c.charCodeAt(0));
  return loadModel({ config, weights: bytes }, { ...options, webgpu: gpuOptions(assets, fault) });
}

function gpuOptions({ worker, faultyWorker, module }: Assets, fault?: string) {
  return {
    worker: fault === undefined ? worker : `${faultyWorker}?${fault}`,
    ...(module === undefined ? {} : { module }),
  };
}

function encode(values: Float32Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return btoa(text);
}
