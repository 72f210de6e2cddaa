import {
  checkChoice,
  checkInteger,
  checkKind,
  checkKnown,
  checkObject,
  checkSignal,
  mismatch,
  quoted,
} from '../base/arguments.ts';
import type { StartWorker } from '../base/worker-port.ts';
import type { CacheOption } from '../download/open-remote.ts';
import type { LoadProgress } from '../download/load-progress.ts';
import { CACHE_DTYPES, type CacheDtype } from '../layout/cache-dtype.ts';
import type { LoraAdapter } from '../lora/adapter-source.ts';
import { isModelCache } from '../download/cache/model-cache.ts';
import { isModelFile } from '../format/files/model-files.ts';
import { LIMITS } from '../format/config/limits.ts';
import { DTYPE_OPTIONS, type DtypeOption } from '../weights/dtypes.ts';
import { checkComputing, RUNTIME_OPTIONS, type RuntimeOptions } from '../ops/runtime-options.ts';

/** Options of `loadModel`; the model has an event `'backendchange'` when a GPU is lost or back. */
export interface LoadOptions extends RuntimeOptions {
  /** What weights are on the GPU, default `'float32'`; `'float16'` is half the size and less exact. */
  readonly gpuDtype?: 'float32' | 'float16';
  /**
   * Tokens that a session holds at most, the model's own number unless given and smaller. A model
   * is refused whose full context does not fit the memory. One with LongRoPE takes its short factors
   * where this is at most its original context.
   */
  readonly contextLength?: number;
  /**
   * How conversations are written that do not say it themselves: the name of one of the model's chat
   * templates, or a template as Jinja source. Default the template `default`, or `tool_use` for
   * conversations with tools where the model has it.
   */
  readonly chatTemplate?: string;
  /**
   * What matrices are computed with; norms and biases are float32 always. `'auto'` (the default)
   * keeps what the files have, and takes `'q8'` for floats that would not fit `memoryLimit`; `'f32'`
   * is 4 bytes a number, `'q8'` 8 bits with a scale for each 32 (1.06 bytes, codes of 8 bits or fewer
   * stay as the file has them), `'q4'` 4 bits with a scale and an offset (0.63 bytes).
   * `model.info()` tells what came of it.
   */
  readonly dtype?: DtypeOption;
  /**
   * LoRA adapters in PEFT's files, added to the weights before they are quantised; several add up,
   * default none. Matrices that change and are quantised in the files are computed with as `'q8'`
   * unless `dtype` says otherwise. They are not counted by `onProgress` or checked by `sha256`.
   */
  readonly lora?: readonly LoraAdapter[];
  /**
   * How sessions cache factors that are not told otherwise: `'f32'` (the default), or as codes of 16
   * bits (`'i16'`) or 8 (`'q8'`) with a scale for each row, half and a quarter of the bytes. The
   * states of linear attention are float32 always.
   */
  readonly cacheDtype?: CacheDtype;
  /**
   * Where files of an address are kept: `'auto'` (the default) in the Cache API of browsers and in a
   * folder in Node, Deno and Bun (`TPA_CACHE`, else the user's cache directory), `'reload'` the same
   * but fetched anew, `'none'` nowhere, or in a cache of your own. A kept file is used as long as
   * the server, where it can be asked, has the same one. An address that is signed anew for each
   * load is another one each time, and best has `'none'`; the folder loses what was not used for 30
   * days. `model.info().cache` tells what came of it.
   */
  readonly cache?: CacheOption;
  /**
   * Takes the place of the global `fetch` for every file of an address, default that: a service
   * binding of an edge worker, a request with credentials. A cache does not see those: where callers
   * differ in what they may read, give each a `cache` of its own, or `'none'`.
   *
   * @param request what is asked for, ranges and signal included
   */
  readonly fetch?: (request: Request) => Promise<Response>;
  /**
   * The hub that an `hf:` source is a model of, a mirror for example; default `HF_ENDPOINT` where the
   * runtime has an environment, else `https://huggingface.co`. What is in `HF_TOKEN` is sent to it,
   * and to nobody else.
   */
  readonly endpoint?: string;
  /**
   * SHA-256 of files by name, hexadecimal, default none. A GGUF file has the name that its path or
   * address ends in, as bytes `model.gguf`, or `part-1.gguf` and so on. A file that has another hash
   * is refused and not kept. Files without a hash are not checked, but where weights or their index
   * have one, every file of weights must.
   */
  readonly sha256?: Readonly<Record<string, string>>;
  /**
   * Called after each piece of weights, at last with `loaded === total`; begins again where a kept
   * file proves bad and all are downloaded; default none.
   *
   * @param progress how far it has come
   */
  readonly onProgress?: (progress: LoadProgress) => void;
  /**
   * Whether a worker of its own has the model, so that this thread is free while it computes: default
   * true in pages, where a thread that is busy is a page that does not react, and false elsewhere.
   * The API is the same on both sides; `fetch`, `cache` and `onProgress` are called here. Where no
   * worker may be started the model is loaded here, and `model.info().workerReason` says why. A
   * function starts this package's `tpa-worker.js` in a way of its own.
   */
  readonly worker?: boolean | StartWorker;
  /** Aborts loading, default none; everything is freed. */
  readonly signal?: AbortSignal;
}

const OWN_OPTIONS =
  'gpuDtype dtype lora cacheDtype contextLength chatTemplate cache fetch endpoint sha256 onProgress worker signal';
const KNOWN_OPTIONS = [...RUNTIME_OPTIONS, ...OWN_OPTIONS.split(' ')];

const CACHE_WORDS: ReadonlySet<unknown> = new Set(['auto', 'reload', 'none']);

/**
 * Checks the options of `loadModel`.
 *
 * @throws TypeError, RangeError that names the option and what was expected
 */
export function checkLoadOptions(options: unknown): asserts options is LoadOptions {
  checkOptions('loadModel', KNOWN_OPTIONS, options as LoadOptions);
}

/**
 * Checks those of the options of `loadModel` that a function has.
 *
 * @throws TypeError, RangeError that names the option and what was expected
 */
export function checkOptions(name: string, known: readonly string[], given: LoadOptions): void {
  checkKnown(`an option of ${name}`, checkObject('options', given), known);
  const { dtype = 'auto', cacheDtype = 'f32', gpuDtype = 'float32' } = given;
  const { contextLength, chatTemplate, cache = 'auto', fetch, endpoint, sha256 = {} } = given;
  const { onProgress, worker = false, signal } = given;
  if (contextLength !== undefined) checkInteger('contextLength', contextLength, 1, LIMITS.context);
  if (chatTemplate !== undefined) checkKind('chatTemplate', chatTemplate, 'string');
  checkChoice('dtype', dtype, DTYPE_OPTIONS);
  checkChoice('cacheDtype', cacheDtype, CACHE_DTYPES);
  checkChoice('gpuDtype', gpuDtype, ['float32', 'float16']);
  if (!CACHE_WORDS.has(cache) && !isModelCache(cache)) {
    const expected = '"auto", "reload", "none" or { open, create }';
    throw new TypeError(`"cache" expected ${expected}, got ${quoted(cache)}`);
  }
  if (fetch !== undefined) checkKind('fetch', fetch, 'function');
  if (endpoint !== undefined) checkKind('endpoint', endpoint, 'string');
  checkHashes(sha256);
  checkComputing(given);
  if (onProgress !== undefined) checkKind('onProgress', onProgress, 'function');
  if (typeof worker !== 'function' && typeof worker !== 'boolean') {
    throw new TypeError(mismatch('worker', 'a boolean or a function that starts one', worker));
  }
  checkSignal('signal', signal);
}

const SHA256 = /^[0-9a-f]{64}$/i;

function checkHashes(hashes: unknown): void {
  for (const [file, hash] of Object.entries(checkObject('sha256', hashes as object))) {
    if (!isModelFile(file)) {
      throw new TypeError(`"sha256" expected names of a model's files, got ${quoted(file)}`);
    }
    if (typeof hash !== 'string' || !SHA256.test(hash)) {
      throw new TypeError(`"sha256.${file}" expected 64 hexadecimal digits, got ${quoted(hash)}`);
    }
  }
}
