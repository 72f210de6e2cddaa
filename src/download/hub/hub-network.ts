import { isResponse, type Network } from '../net/network.ts';
import type { HubAccess } from './hub-access.ts';

/** As many as browsers follow. */
const MAX_REDIRECTS = 20;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** How a hub names the version of a file that another server gives, whose own etag may differ. */
const LINKED_ETAG = 'x-linked-etag';
const LINKED_SIZE = 'x-linked-size';

/**
 * Requests to a hub, whose redirects are followed here: not every runtime takes the token off a
 * request that is sent on to another origin, and what the hub says of a file is in the redirect.
 */
export function hubNetwork(network: Network, { token }: HubAccess): Network {
  /** Browsers hide redirects and follow them alone; they have no token. */
  let isHidden = false;

  const follow = async (first: URL, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    let address = first;
    let linked: string | null = null;
    for (let left = MAX_REDIRECTS; left >= 0; left--) {
      const how: RequestInit = { ...init, headers, redirect: 'manual' };
      const response = await network.fetch(address, how).catch((error: unknown) => {
        throw withoutSecret(error, address.search);
      });
      if (!isResponse(response)) return response;
      if (response.type === 'opaqueredirect') {
        isHidden = true;
        return network.fetch(first, init);
      }
      const location = response.headers.get('location');
      linked ??= response.headers.get(LINKED_ETAG);
      const isLast = !REDIRECTS.has(response.status) || location === null;
      if (isLast) return linked === null ? response : withVersion(response, linked);
      response.body?.cancel().catch(() => {});
      if (init.method === 'HEAD' && linked !== null) return headOf(response, linked);
      address = new URL(location, address);
      if (!/^https?:$/.test(address.protocol)) throw new Error(`a redirect to ${address.protocol}`);
      if (address.origin !== first.origin) headers.delete('authorization');
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects`);
  };

  return {
    clock: network.clock,
    fetch: (address, init) => (isHidden ? network.fetch(address, init) : follow(address, init)),
  };
}

/** The same error and its causes, but for what signs an address, which runtimes may quote. */
function withoutSecret(error: unknown, secret: string): unknown {
  if (!(error instanceof Error) || secret === '') return error;
  const { cause, message, name } = error;
  const options = cause === undefined ? {} : { cause: withoutSecret(cause, secret) };
  return Object.assign(new Error(message.replaceAll(secret, ''), options), { name });
}

/** The same answer with the hub's name of the version. */
function withVersion(response: Response, etag: string): Response {
  const { body, status, statusText } = response;
  const headers = new Headers(response.headers);
  headers.set('etag', etag);
  return new Response(body, { status, statusText, headers });
}

/** What a redirect says of a file is all that was asked: the other server is left alone. */
function headOf({ headers }: Response, etag: string): Response {
  const size = headers.get(LINKED_SIZE);
  return new Response(null, { headers: { etag, ...(size && { 'content-length': size }) } });
}
