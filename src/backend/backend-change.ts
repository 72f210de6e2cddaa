import { checkObject } from '../base/arguments.ts';
import type { Side } from './backend.ts';
import type { ThreadsChangeEvent } from './threads-change.ts';

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

  /**
   * A model makes these.
   *
   * @param change what happened
   */
  constructor(change: BackendChange) {
    super('backendchange');
    checkObject('change', change);
    this.backend = change.backend;
    this.reason = change.reason;
  }
}

/**
 * Called when another side computes.
 *
 * @param event tells which, and why
 */
export type BackendChangeListener = (event: BackendChangeEvent) => void;

/**
 * An EventTarget of `'backendchange'` and `'threadschange'`. What a listener throws is dropped: on Node it would end the
 * process, and with it the sentence that goes on.
 */
export class BackendChangeTarget extends EventTarget {
  readonly #quiet = new WeakMap<object, (event: Event) => void>();

  /**
   * Listens to `'backendchange'`; what a listener throws is dropped.
   *
   * @param type the event
   * @param listener called with each
   * @param options as of any EventTarget
   */
  override addEventListener(
    type: 'backendchange',
    listener: BackendChangeListener | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /**
   * Listens to `'threadschange'`; what a listener throws is dropped.
   *
   * @param type the event
   * @param listener called with each
   * @param options as of any EventTarget
   */
  override addEventListener(
    type: 'threadschange',
    listener: ((event: ThreadsChangeEvent) => void) | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /**
   * Listens as on any EventTarget.
   *
   * @param type the event
   * @param listener called with each
   * @param options as of any EventTarget
   */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener:
      | EventListenerOrEventListenerObject
      | BackendChangeListener
      | ((event: ThreadsChangeEvent) => void)
      | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, this.#quietly(listener), options);
  }

  /**
   * Listens no longer.
   *
   * @param type the event
   * @param listener what was given to {@link addEventListener}
   * @param options as of any EventTarget
   */
  override removeEventListener(
    type: string,
    listener:
      | EventListenerOrEventListenerObject
      | BackendChangeListener
      | ((event: ThreadsChangeEvent) => void)
      | null,
    options?: EventListenerOptions | boolean,
  ): void {
    super.removeEventListener(type, this.#quietly(listener), options);
  }

  #quietly(
    listener:
      | EventListenerOrEventListenerObject
      | BackendChangeListener
      | ((event: ThreadsChangeEvent) => void)
      | null,
  ): ((event: Event) => void) | null {
    if (listener === null) return null;
    const known = this.#quiet.get(listener);
    if (known !== undefined) return known;
    const quiet = (event: Event): void => {
      try {
        if (typeof listener === 'object') listener.handleEvent(event);
        else listener.call(this, event as BackendChangeEvent & ThreadsChangeEvent);
      } catch {
        // see above
      }
    };
    this.#quiet.set(listener, quiet);
    return quiet;
  }
}
