/** A model in a worker, as the page uses it. One command at a time, besides `stop`. */
export class WorkerModel {
  /** Called with `{ backend, reason, info }` when a GPU is lost or back. */
  onBackendChange = () => {};
  #worker = new Worker(new URL('model-worker.js', import.meta.url), { type: 'module' });
  #pending;
  #failure;

  constructor() {
    this.#worker.addEventListener('message', ({ data }) => this.#hear(data));
    this.#worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#fail(`the model's worker failed: ${event.message ?? 'it could not be loaded'}`);
    });
  }

  /**
   * @param request `{ address }` or `{ files }`, and `backend`
   * @returns `{ config, info, isAnswering }`; one that answers has a chat template
   * @throws Error in one line; the signal's reason
   */
  load(request, { onProgress, signal }) {
    signal.addEventListener('abort', () => this.#fail(signal.reason), { once: true });
    return this.#ask('load', request, onProgress);
  }

  /**
   * @param request `{ prompt, pace }` and options of `session.generate`; no prompt writes on
   * @param onToken called with `{ text, figures }`
   * @returns `{ finishReason, seed, tokens, info }`
   * @throws Error in one line
   */
  generate(request, onToken) {
    return this.#ask('generate', request, onToken);
  }

  /** Ends what is being generated. */
  stop() {
    this.#send('stop');
  }

  /** Ends the worker, whatever it does. */
  close() {
    this.#fail('the model was closed, another took its place');
  }

  async #ask(command, ask, onUpdate) {
    if (this.#failure !== undefined) throw this.#failure;
    return new Promise((resolve, reject) => {
      this.#pending = { command, resolve, reject, onUpdate };
      this.#send(command, ask);
    });
  }

  #send(command, ask) {
    this.#worker.postMessage({ command, ask }, []);
  }

  #hear({ kind, command, answer }) {
    if (kind === 'change') return this.onBackendChange(answer);
    if (kind === 'update') return this.#pending.onUpdate(answer);
    if (command !== this.#pending.command) return; // a stop
    if (kind === 'done') this.#pending.resolve(answer);
    else this.#pending.reject(new Error(answer));
  }

  #fail(reason) {
    this.#worker.terminate();
    this.#failure = reason instanceof Error ? reason : new Error(reason);
    this.#pending?.reject(this.#failure);
  }
}
