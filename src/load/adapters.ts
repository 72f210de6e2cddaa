import { type LoadFiles, openSource, type SourceOptions } from '../download/open-source.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { ModelFiles } from '../format/files/model-files.ts';
import { hubAddress, type ModelSource, webAddress } from '../format/files/model-source.ts';
import type { TensorSet } from '../format/tensors/tensors.ts';
import { type Adapter, type AdapterInfo, openAdapter } from '../lora/adapter.ts';
import { CONFIG_FILE } from '../lora/adapter-config.ts';
import {
  type AdapterSource,
  checkAdapters,
  type LoraAdapter,
  openAdapterFiles,
} from '../lora/adapter-source.ts';
import { adaptedBy, mergeAdapters } from '../lora/merge-adapters.ts';
import type { StoredBefore } from '../lora/merged-tensors.ts';

/** What a model becomes by its adapters. */
export interface AdaptedModel {
  /** How its tensors are stored in the files, for the choice of layouts. */
  readonly stored: ReadonlyMap<string, StoredBefore>;
  /** What `model.info()` tells. */
  readonly extras: { readonly adapters: readonly AdapterInfo[] };
  /** Its tensors, once the factors are read. @throws TpaError any `WEIGHTS_*`, `ABORTED` */
  merge(): Promise<TensorSet>;
}

/** A file of an adapter that PEFT has saved: an address that ends in one is of its folder. */
const ADAPTER_FILE = /\/adapter_(?:config\.json|model\.safetensors)$/;

/** The adapters of one attempt at loading. */
export class Adapters {
  readonly #list: readonly Required<LoraAdapter>[];
  readonly #how: SourceOptions;
  readonly #opened: (ModelFiles | LoadFiles)[] = [];

  constructor(list: readonly Required<LoraAdapter>[], how: SourceOptions) {
    this.#list = list;
    this.#how = how;
  }

  /** Whether a file of any came from a cache, where it may have gone bad. */
  get hasCached(): boolean {
    return this.#opened.some((files) => 'hasCached' in files && files.hasCached);
  }

  /**
   * Opens all of them and checks their headers against a model.
   *
   * @param extras tensors that the model does not use
   * @throws as `openAdapter` and `openSource`
   */
  async adapt(
    tensors: TensorSet,
    { isTied }: Pick<ModelConfig, 'isTied'>,
    extras: readonly string[],
  ): Promise<AdaptedModel> {
    const { entries } = tensors;
    const adapters: Adapter[] = [];
    for (const [i, { source, scale }] of this.#list.entries()) {
      const files = await this.#open(source, `lora[${i}].source`);
      const model = { entries, isTied, extras };
      const label = files.name.replace(ADAPTER_FILE, '');
      adapters.push(await openAdapter(files, label, scale, model, this.#how.signal));
    }
    const { stored, adapters: infos } = adaptedBy(adapters, entries);
    return {
      stored,
      extras: { adapters: infos },
      merge: async () => {
        const merged = await mergeAdapters(adapters, tensors);
        for (const files of this.#opened) if ('finish' in files) await files.finish();
        return merged;
      },
    };
  }

  /** Closes their files; idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((files) => files.close()));
  }

  async #open(source: AdapterSource, name: string): Promise<ModelFiles> {
    const address = addressOf(source);
    const files =
      address === undefined
        ? await openAdapterFiles(source, name)
        : await this.#openAddress(address, name);
    this.#opened.push(files);
    return files;
  }

  async #openAddress(address: string, name: string): Promise<LoadFiles> {
    const endpoint = hubAddress(address) === undefined ? undefined : this.#how.endpoint;
    const how = {
      ...this.#how,
      endpoint,
      sha256: {},
      onProgress: undefined,
      filesAtHand: undefined,
    };
    try {
      return await openSource(address, how);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new TypeError(error.message.replace('"source"', `"${name}"`), { cause: error });
    }
  }
}

/**
 * Checks the option `lora`.
 *
 * @throws TypeError, RangeError
 */
export function planAdapters(lora: unknown): {
  /** How the model is opened: without what its own source has no use for, but an adapter has. */
  ofModel(source: ModelSource, how: SourceOptions): SourceOptions;
  open(how: SourceOptions): Adapters;
} {
  const list = checkAdapters('lora', lora);
  const addresses = list.flatMap(({ source }) => addressOf(source) ?? []);
  const ofHub = addresses.some((address) => hubAddress(address) !== undefined);
  return {
    ofModel(source, how) {
      const isOfHub = hubAddress(source) !== undefined;
      const isAtHand = !isOfHub && webAddress(source) === undefined;
      return {
        ...how,
        endpoint: ofHub && !isOfHub ? undefined : how.endpoint,
        fetch: addresses.length > 0 && isAtHand ? undefined : how.fetch,
      };
    },
    open: (how) => new Adapters(list, how),
  };
}

/** Where an adapter's configuration is, for one that is downloaded. */
function addressOf(source: AdapterSource): string | undefined {
  if (typeof source !== 'string' && !(source instanceof URL)) return undefined;
  const hub = hubAddress(source);
  // what names no repository is refused as it is
  if (hub !== undefined) return hub.includes('/') ? withFile(hub) : hub;
  const web = webAddress(source);
  if (web === undefined) return undefined;
  const address = new URL(web);
  address.pathname = withFile(address.pathname.replace(/\/+$/, ''));
  return address.href;
}

function withFile(path: string): string {
  return ADAPTER_FILE.test(path) ? path : `${path}/${CONFIG_FILE}`;
}
