/*
 * One model in one worker: the page answers while kernels run, and ending the worker gives back all
 * memory at once. A command is answered by `done` or `failed`; `update` and `change` tell of what
 * happens meanwhile.
 */
import { readPicked } from './picked-files.js';
import { Timing } from './timing.js';
import { loadModel } from './tpa-wasm/index.js';

let model;
let session;
let stopping = new AbortController();

const commands = { load, generate, stop: () => stopping.abort() };

addEventListener('message', async ({ data: { command, ask } }) => {
  try {
    const answer = await commands[command](ask);
    postMessage({ kind: 'done', command, answer });
  } catch (error) {
    postMessage({ kind: 'failed', command, answer: messageOf(error) });
  }
});

/** Takes a model from an address or from files; answers what it is. */
async function load({ address, files, backend }) {
  model = await loadModel(files === undefined ? address : await readPicked(files), {
    backend,
    webgpu: await gpuParts(backend),
    onProgress: (progress) => postMessage({ kind: 'update', answer: progress }),
  });
  model.addEventListener('backendchange', ({ backend: now, reason }) =>
    postMessage({ kind: 'change', answer: { backend: now, reason, info: model.info() } }),
  );
  return { config: model.config, info: model.info(), isAnswering: model.hasChatTemplate };
}

/** The worker of a GPU, and where onnxruntime-web is if the server has it; neither without a GPU. */
async function gpuParts(backend) {
  if (backend === 'wasm' || navigator.gpu === undefined) return {};
  const { startGpuWorker: worker } = await import('./tpa-wasm/webgpu.js');
  const places = await fetch(new URL('places.json', import.meta.url));
  const { onnxruntime } = places.ok ? await places.json() : {};
  if (onnxruntime === undefined) return { worker };
  return { worker, module: new URL(onnxruntime, import.meta.url) };
}

/**
 * Writes on from a prompt, or from where the last one ended if there is none. Tells of each token
 * and the figures up to it; answers why it ended.
 */
async function generate({ prompt, pace, ...options }) {
  stopping = new AbortController();
  if (prompt !== undefined) {
    session?.dispose();
    session = model.createSession();
  }
  const generation = session.generate(asked(prompt), { ...options, signal: stopping.signal });
  const steps = generation[Symbol.asyncIterator]();
  const timing = new Timing();
  for (;;) {
    const start = performance.now();
    const { done, value } = await steps.next();
    if (done) break;
    const spent = performance.now() - start;
    timing.add(spent);
    postMessage({ kind: 'update', answer: { text: value.text, figures: figures(timing) } });
    if (pace !== undefined) await wait(1000 / pace - spent);
  }
  const { finishReason, seed } = generation;
  return { finishReason, seed, tokens: timing.tokens, info: model.info() };
}

/** A model that converses answers; others write on. */
function asked(prompt = '') {
  const isTurn = model.hasChatTemplate && prompt !== '';
  return isTurn ? { messages: [{ role: 'user', content: prompt }] } : prompt;
}

/** Compared is what grows with the text: bytes of its tokens, not the pages reserved for them. */
function figures({ first, speed }) {
  const { length } = session;
  const { cacheBytesPerToken, stateBytes, denseCacheBytesPerToken } = model.info();
  const kept = stateBytes + cacheBytesPerToken * length;
  return { first, speed, length, kept, usual: denseCacheBytesPerToken * length };
}

function wait(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
