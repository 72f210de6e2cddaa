import { readPicked } from './picked-files.js';
import { Timing } from './timing.js';
import { loadModel } from './tpa-wasm/index.js';

/**
 * A model and its conversation, as the page uses them. The library computes in a worker of its own,
 * which ends with the model and gives back all memory at once.
 */
export class PageModel {
  /** Called with `{ backend, reason }` when a GPU is lost or back. */
  onBackendChange = () => {};
  #model;
  #session;
  #stopping = new AbortController();

  constructor(model) {
    this.#model = model;
    model.addEventListener('backendchange', (change) => this.onBackendChange(change));
  }

  /**
   * @param request `{ address }` or `{ files }`, and `backend`
   * @throws Error in one line; the signal's reason
   */
  static async load({ address, files, backend }, { onProgress, signal }) {
    const source = files === undefined ? address : await readPicked(files);
    const webgpu = await gpuParts(backend);
    return new PageModel(await loadModel(source, { backend, webgpu, onProgress, signal }));
  }

  get config() {
    return this.#model.config;
  }

  get info() {
    return this.#model.info();
  }

  /** Whether it converses; others write on. */
  get isAnswering() {
    return this.#model.hasChatTemplate;
  }

  /**
   * Writes on from a prompt, or from where the last text ended if there is none.
   *
   * @param request `{ prompt, pace }` and options of `session.generate`
   * @param onToken called with `{ text, figures }`
   * @returns `{ finishReason, seed, tokens }`
   * @throws Error in one line
   */
  async generate({ prompt, pace, ...options }, onToken) {
    this.#stopping = new AbortController();
    if (prompt !== undefined) {
      this.#session?.dispose();
      this.#session = this.#model.createSession();
    }
    const { signal } = this.#stopping;
    const generation = this.#session.generate(this.#asked(prompt), { ...options, signal });
    const steps = generation[Symbol.asyncIterator]();
    const timing = new Timing();
    for (;;) {
      const start = performance.now();
      const { done, value } = await steps.next();
      if (done) break;
      const spent = performance.now() - start;
      timing.add(spent);
      onToken({ text: value.text, figures: this.#figures(timing) });
      if (pace !== undefined) await wait(1000 / pace - spent);
    }
    const { finishReason, seed } = generation;
    return { finishReason, seed, tokens: timing.tokens };
  }

  /** Ends what is being generated. */
  stop() {
    this.#stopping.abort();
  }

  /** Ends the model, whatever it does. */
  close() {
    this.#model.dispose();
  }

  #asked(prompt = '') {
    const isTurn = this.isAnswering && prompt !== '';
    return isTurn ? { messages: [{ role: 'user', content: prompt }] } : prompt;
  }

  /** Compared is what grows with the text: bytes of its tokens, not the pages reserved for them. */
  #figures({ first, speed }) {
    const { length } = this.#session;
    const { cacheBytesPerToken, stateBytes, denseCacheBytesPerToken } = this.info;
    const kept = stateBytes + cacheBytesPerToken * length;
    return { first, speed, length, kept, usual: denseCacheBytesPerToken * length };
  }
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

function wait(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
