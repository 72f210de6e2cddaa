import { type Fault, type FileServer, type Request, serveFiles } from './file-server.ts';

/** Files of a repository by their paths. */
export type Repository = ReadonlyMap<string, Uint8Array>;

/** What a hub gives to whom; everything to everybody unless given. */
export interface HubRules {
  /** The only one that may read. */
  readonly token?: string;
  /** What goes wrong with some requests to the hub. */
  readonly hub?: (request: Request) => Fault | undefined | void;
  /** What goes wrong with some requests to the server of large files. */
  readonly storage?: (request: Request) => Fault | undefined | void;
}

/** A server with the layout of Hugging Face, and the other one that it sends to for large files. */
export interface Hub extends AsyncDisposable {
  /** What to pass as `endpoint`. */
  readonly endpoint: string;
  readonly hub: FileServer;
  readonly storage: FileServer;
  /** The authorization of each request, in order. */
  readonly tokens: { readonly hub: unknown[]; readonly storage: unknown[] };
}

const LARGE = /\.(?:safetensors|gguf|bin)$/;
const REVISION = 'main';
/** Pages of all origins may read. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'ETag, Content-Range, X-Error-Code, X-Linked-Etag, X-Linked-Size',
};

/** Serves revision `main` of repositories by their names, and one more revision where it is named. */
export async function serveHub(
  repositories: Readonly<Record<string, Repository>>,
  rules: HubRules = {},
  revision = REVISION,
): Promise<Hub> {
  const small = new Map<string, Uint8Array>();
  const large = new Map<string, Uint8Array>();
  for (const [repo, files] of Object.entries(repositories)) {
    const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
    const list = new TextEncoder().encode(JSON.stringify({ id: repo, siblings }));
    for (const name of new Set([REVISION, revision])) {
      small.set(`api/models/${repo}/revision/${name}`, list);
      for (const [path, bytes] of files) {
        small.set(`${repo}/resolve/${name}/${encodePath(path)}`, bytes);
      }
    }
    for (const [path, bytes] of files) {
      if (LARGE.test(path)) large.set(`${repo}/${encodePath(path)}`, bytes);
    }
  }
  const tokens = { hub: [] as unknown[], storage: [] as unknown[] };
  let signed = 0;
  // what is stored has an etag of its own, and is asked for by an address that is signed anew
  const storage = await serveFiles(large, (request) => {
    tokens.storage.push(request.authorization);
    return readable(rules.storage?.(request) ?? { headers: { etag: '"stored"' } });
  });
  const hub = await serveFiles(small, (request) => {
    tokens.hub.push(request.authorization);
    return readable(rules.hub?.(request) ?? answer(request));
  });

  function answer({ authorization, file }: Request): Fault | undefined {
    if (rules.token !== undefined && authorization !== `Bearer ${rules.token}`) {
      return { status: 401, headers: { 'x-error-code': 'RepoNotFound' } };
    }
    if (!small.has(file)) return { status: 404, headers: { 'x-error-code': missing(file) } };
    const [, repo, path] = /^(.+)\/resolve\/[^/]+\/(.+)$/.exec(file) ?? [];
    if (path === undefined || !LARGE.test(path)) return undefined;
    const location = `${storage.base}${repo}/${path}?signature=${++signed}`;
    const size = String(small.get(file)!.byteLength);
    const headers = { location, 'x-linked-etag': '"linked"', 'x-linked-size': size };
    return { status: 302, headers: { ...headers, 'content-type': 'text/plain' } };
  }

  /** What of an address the hub does not know first. */
  function missing(file: string): string {
    const [, repo = '', name = ''] =
      /^(?:api\/models\/)?([^/]+\/[^/]+)\/(?:resolve|revision)\/([^/]+)/.exec(file) ?? [];
    if (!Object.hasOwn(repositories, repo)) return 'RepoNotFound';
    return name === REVISION || name === revision ? 'EntryNotFound' : 'RevisionNotFound';
  }

  return {
    endpoint: hub.base.slice(0, -1),
    hub,
    storage,
    tokens,
    async [Symbol.asyncDispose]() {
      await hub.close();
      await storage.close();
    },
  };
}

function readable(fault: Fault = {}): Fault {
  return { ...fault, headers: { ...CORS, ...fault.headers } };
}

/** A path as a request has it. */
function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
