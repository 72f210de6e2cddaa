import type { Fetch } from '../../../download/net/network.ts';
import type { CrossingResponse } from '../protocol.ts';
import type { ToCaller } from './to-caller.ts';

/** Statuses that the constructor of a response takes. */
const FIRST_STATUS = 200;
const LAST_STATUS = 599;

/** A caller's `fetch`; bodies come piece by piece, since not every engine moves a stream. */
export function callerFetch(caller: ToCaller): Fetch {
  return async ({ url, method, headers, redirect, signal }) => {
    const request = { url, method, redirect, headers: [...headers] };
    const answer = await caller.ask('fetch', request, { signal });
    if ('other' in answer) return notAResponse(answer.other);
    return responseOf(caller, answer);
  };
}

/** Something of the same kind, to be refused as what the caller gave would be. */
function notAResponse(kind: string | null): Response {
  const others: Readonly<Record<string, unknown>> = { undefined, string: '', number: 0 };
  const other = kind === null ? null : kind in others ? others[kind] : {};
  return other as Response;
}

function responseOf(caller: ToCaller, crossing: CrossingResponse): Response {
  const { status, statusText, headers, type, body } = crossing;
  const isKnown = status >= FIRST_STATUS && status <= LAST_STATUS;
  const response = new Response(body === undefined ? null : streamOf(caller, body), {
    statusText,
    status: isKnown ? status : FIRST_STATUS,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
  });
  // what a constructor cannot say, such as that a redirect is hidden
  const ok = isKnown && response.ok;
  for (const [name, value] of Object.entries({ type, status, ok })) {
    Object.defineProperty(response, name, { value });
  }
  return response;
}

function streamOf(caller: ToCaller, handle: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      async pull(controller) {
        const bytes = await caller.ask('pull', handle);
        if (bytes === undefined) {
          await caller.ask('close', handle);
          controller.close();
        } else {
          controller.enqueue(bytes);
        }
      },
      cancel: () => caller.ask('close', handle),
    },
    { highWaterMark: 0 },
  );
}
