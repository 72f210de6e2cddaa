import type { Side } from './cost-model.ts';

/** Another side computes from now on. */
export interface BackendChange {
  /** `'wasm'`: the GPU was lost; `'webgpu'`: there is one again. */
  readonly backend: Side;
  /** In words. */
  readonly reason: string;
}

/** The event `'backendchange'` of a model. */
export class BackendChangeEvent extends Event implements BackendChange {
  readonly backend: Side;
  readonly reason: string;

  constructor({ backend, reason }: BackendChange) {
    super('backendchange');
    this.backend = backend;
    this.reason = reason;
  }
}

type Listener = ((event: BackendChangeEvent) => void) | null;

/**
 * An EventTarget of `'backendchange'`. What a listener throws is dropped: on Node it would end the
 * process, and with it the sentence that goes on.
 */
export class BackendChangeTarget extends EventTarget {
  readonly #quiet = new WeakMap<object, (event: Event) => void>();

  override addEventListener(
    type: 'backendchange',
    listener: Listener,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | Listener,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, this.#quietly(listener), options);
  }

  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | Listener,
    options?: EventListenerOptions | boolean,
  ): void {
    super.removeEventListener(type, this.#quietly(listener), options);
  }

  #quietly(
    listener: EventListenerOrEventListenerObject | Listener,
  ): ((event: Event) => void) | null {
    if (listener === null) return null;
    const known = this.#quiet.get(listener);
    if (known !== undefined) return known;
    const quiet = (event: Event): void => {
      try {
        if (typeof listener === 'object') listener.handleEvent(event);
        else listener.call(this, event as BackendChangeEvent);
      } catch {
        // see above
      }
    };
    this.#quiet.set(listener, quiet);
    return quiet;
  }
}
