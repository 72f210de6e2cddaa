import { type Clock, systemClock } from '../../base/time.ts';

/** What a download needs of the world, so that tests need none of it. */
export interface Network {
  readonly fetch: (address: URL, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
}

/** What may take the place of the global `fetch`. */
export type Fetch = (request: Request) => Promise<Response>;

/** Keeps each request as long as its signal: in Node an abort misses a request that was collected. */
const requests = new WeakMap<AbortSignal, Request>();

/**
 * The runtime's own; its timers hold the process, which would end while a download waits.
 *
 * @param fetch in place of the global one
 */
export function systemNetwork(fetch: Fetch = globalThis.fetch): Network {
  // A browser would keep each file a second time, and break ranges into those it has and has not.
  // Older dates of workerd throw for the option, and have no such property.
  const past: RequestInit = 'cache' in Request.prototype ? { cache: 'no-store' } : {};
  return {
    async fetch(address, init) {
      const request = new Request(address, { ...init, ...past });
      if (init.signal) requests.set(init.signal, request);
      return fetch(request);
    },
    clock: systemClock(true),
  };
}

/** Whether a caller's `fetch` gave what it should. */
export function isResponse(response: unknown): response is Response {
  return typeof response === 'object' && response !== null && 'headers' in response;
}

/** @throws TypeError where it gave something else */
export function checkResponse(response: unknown): asserts response is Response {
  if (isResponse(response)) return;
  const found = response === null ? 'null' : typeof response;
  throw new TypeError(`"fetch" expected a function that gives a Response, got ${found}`);
}
