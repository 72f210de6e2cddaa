import { type Fetch, isResponse } from '../../../download/net/network.ts';
import type { Answers } from '../channel.ts';
import type { CallerAsks } from '../protocol.ts';
import type { Handles } from './handles.ts';

/** Calls the caller's own `fetch` for the worker. */
export function answerFetch(
  handles: Handles,
  fetch: Fetch | undefined,
): Answers<Pick<CallerAsks, 'fetch'>> {
  return {
    async fetch({ url, headers, ...init }, signal) {
      const given = headers.map(([name, value]): [string, string] => [name, value]);
      const request = new Request(url, { ...init, headers: given, signal });
      const response: unknown = await fetch!(request);
      if (!isResponse(response)) return { other: response === null ? null : typeof response };
      const reader = response.body?.getReader();
      const body = reader && {
        request, // in Node an abort misses a request that was collected
        pull: async () => (await reader.read()).value,
        close: () => reader.cancel(),
      };
      const { status, statusText, type } = response;
      return {
        status,
        statusText,
        type,
        headers: [...response.headers],
        body: body && handles.add(body),
      };
    },
  };
}
