import { INDEX_FILE } from '../../format/files/model-files.ts';
import type { ByteSource } from '../../format/files/byte-source.ts';
import { systemNetwork } from '../net/network.ts';
import { openRemote, type RemoteFiles, type RemoteOptions } from '../open-remote.ts';
import type { UrlFiles } from '../url-files.ts';
import { chooseGguf } from './choose-gguf.ts';
import { type HubAccess, readHubAccess } from './hub-access.ts';
import { type HubAddress, parseHubAddress } from './hub-address.ts';
import { hubNetwork } from './hub-network.ts';
import { hubRefusal } from './hub-refusal.ts';

/** How a model of a hub is read. */
export interface HubOptions extends RemoteOptions {
  /** In place of Hugging Face, or what `HF_ENDPOINT` says. */
  readonly endpoint: string | undefined;
}

/** A file of a model: every other path is that of a folder. */
const FILE = /\.(?:gguf|safetensors|json)$/i;

/**
 * Opens a model of a hub: the file that is named; else, in a repository or a folder of it, the
 * weights in safetensors, or else the one model in GGUF.
 *
 * @param source an `hf:` address
 * @throws TypeError where it is malformed, or the endpoint or token cannot be used; TpaError
 *   `MODEL_NOT_FOUND` where the hub refuses the model, or it must be told which file to open;
 *   `RESOURCE_LIMIT`, `ABORTED`
 */
export async function openHub(source: string, options: HubOptions): Promise<RemoteFiles> {
  const address = parseHubAddress(source);
  const access = await readHubAccess(options.endpoint);
  const network = hubNetwork(systemNetwork(options.fetch), access);
  const how = { ...options, network, refusal: hubRefusal(address, access) };
  const open = (path: string): Promise<RemoteFiles> =>
    openRemote(resolveAddress(access, { ...address, path }), how);

  const remote = await open(address.path);
  if (FILE.test(address.path)) return remote;
  try {
    const files = await openSafetensors(remote.files);
    if (files !== undefined) return { ...remote, files };
    await remote.files.close();
    return await open(await chooseGguf(address, access, how));
  } catch (error) {
    await remote.files.close();
    throw error;
  }
}

/** Where a hub gives a file; without a path, the address that all of a repository are below. */
function resolveAddress({ endpoint }: HubAccess, { repo, revision, path }: HubAddress): string {
  return `${endpoint}/${repo}/resolve/${revision}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** The files of a model in safetensors; undefined where there is none. */
async function openSafetensors(files: UrlFiles): Promise<UrlFiles | undefined> {
  // What is opened here is read later: nothing is asked for twice.
  const opened = new Map<string, ByteSource | undefined>();
  const has = async (file: string): Promise<boolean> => {
    const source = await files.open(file);
    opened.set(file, source);
    return source !== undefined;
  };
  const isModel =
    (await has('config.json')) && ((await has('model.safetensors')) || (await has(INDEX_FILE)));
  if (!isModel) return undefined;
  return {
    name: files.name,
    get hasCached() {
      return files.hasCached;
    },
    async open(file) {
      if (!opened.has(file)) return files.open(file);
      const source = opened.get(file);
      opened.delete(file);
      return source;
    },
    finish: () => files.finish(),
    close: () => files.close(),
  };
}
