/** What the page is asked to do. */
export interface PageAsk {
  /** Options of loadModel. */
  readonly options: object;
  /** Tokens of the prompt, and tokens to write. */
  readonly prompt: number;
  readonly tokens: number;
}

/** What it says of itself. */
export interface PageAnswer {
  readonly worker: boolean;
  readonly workerReason: string;
  readonly threads: number;
  readonly threadsReason: string;
  /** Instances of wasm made on the main thread: kernels run where one was made. */
  readonly instances: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

/** A page that loads the model beside it; marks in the timeline tell prefill and decode apart. */
export const PAGE = `<!doctype html><title>Main thread</title><script type="module">
let instances = 0;
for (const name of ['instantiate', 'instantiateStreaming']) {
  const make = WebAssembly[name];
  WebAssembly[name] = (...args) => { instances++; return make.apply(WebAssembly, args); };
}
WebAssembly.Instance = class extends WebAssembly.Instance {
  constructor(...args) { super(...args); instances++; }
};
const { loadModel } = await import('/tpa-wasm/index.js');
let model;
globalThis.load = async (options) => { model = await loadModel(new URL('/model/', location), options); };
globalThis.write = async (prompt, tokens) => {
  const ids = Array.from({ length: prompt }, (_, i) => (i * 7919) % model.config.vocabSize);
  const generation = model.createSession().generate(ids, { maxTokens: tokens, temperature: 1, stop: [], seed: 1 });
  const began = performance.now();
  let first = 0;
  for await (const token of generation) first ||= performance.now();
  const { worker, workerReason, threads, threadsReason } = model.info();
  const times = { prefillMs: first - began, decodeMs: performance.now() - first };
  return { worker, workerReason, threads, threadsReason, instances, ...times };
};
</script>`;
