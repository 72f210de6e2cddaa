import { checkInteger, checkKnown } from './attention/arguments.ts';
import { CpuBackend } from './backend/cpu.ts';
import { TpaError } from './errors.ts';
import { MAX_CONFIG_BYTES, parseConfig, parseConfigBytes } from './format/config.ts';
import type { ModelConfig } from './format/model-config.ts';
import { readAll } from './format/byte-source.ts';
import { readChatConfig, readGenerationConfig } from './format/chat-files.ts';
import { LIMITS } from './format/limits.ts';
import { isDeeperThan } from './format/json-depth.ts';
import {
  type ModelFiles,
  type ModelSource,
  openModelFiles,
  readModelFile,
} from './format/model-files.ts';
import { checkAbort, openTensors } from './format/tensors.ts';
import { yieldMacrotask } from './yield.ts';
import { Model } from './model.ts';
import { checkBudget } from './model/budget.ts';
import { checkTensors } from './model/tensors.ts';
import { createTokenizer, type TextTokenizer } from './model/tokenizer.ts';
import { loadWeights } from './model/weights.ts';
import { checkThreads } from './runtime.ts';
import { createEngine, type EngineOptions } from './wasm/engine.ts';

/** How far loading has come. */
export interface LoadProgress {
  /** Weights read so far, and all of them. */
  readonly loaded: number;
  readonly total: number;
}

/** Options of {@link loadModel}. */
export interface LoadOptions extends EngineOptions {
  /**
   * Who computes: the wasm kernels are the only ones so far, and what `'auto'` (default) takes;
   * `'webgpu'` is refused with `BACKEND_UNAVAILABLE`.
   */
  readonly backend?: 'auto' | 'wasm' | 'webgpu';
  /** Threads to compute with; one is the only number so far. */
  readonly threads?: number | 'auto';
  /**
   * Tokens that a session holds at most, the model's own number unless given and smaller. A model
   * is refused whose full context does not fit the memory.
   */
  readonly contextLength?: number;
  /** What weights are widened to; float32 is the only one so far. */
  readonly dtype?: 'float32';
  /** How factors are cached; float32 is the only one so far. */
  readonly cacheDtype?: 'float32';
  /** Called after each tensor. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Aborts loading; everything is freed. */
  readonly signal?: AbortSignal;
}

const KNOWN_OPTIONS = [
  'backend',
  'simd',
  'threads',
  'dtype',
  'cacheDtype',
  'memoryLimit',
  'contextLength',
  'wasm',
  'onProgress',
  'signal',
];

/** Larger than any published tokenizer.json (17 MB). */
const MAX_TOKENIZER_BYTES = 64 * 2 ** 20;
/** The shipped one nests 5 deep. */
const MAX_TOKENIZER_DEPTH = 32;

/**
 * Loads a T6, one of its variants, or a model of the LLaMA family (Llama, Mistral, Qwen2, Qwen3):
 * `config.json`, `model.safetensors` (or its shards) and, where there are such
 * files, `tokenizer.json`, `generation_config.json`, and a chat template in `chat_template.jinja` or
 * `tokenizer_config.json`. Everything is checked before memory for weights is taken.
 *
 * @param source a directory, the address of one, or the bytes
 * @throws TypeError, RangeError for a bad option; TpaError `MODEL_NOT_FOUND`, `CONFIG_INVALID`,
 *   `MODEL_UNSUPPORTED`, `MODEL_MISMATCH`, `RESOURCE_LIMIT`, `TOKENIZER_INVALID`, `PATH_ESCAPE`,
 *   any `WEIGHTS_*`, `BACKEND_UNAVAILABLE`, `OUT_OF_MEMORY`, `ABORTED`, `SIMD_UNAVAILABLE`, `WASM_BLOCKED`
 *
 * @example
 * const model = await loadModel('models/t6-fairytales');
 * const session = model.createSession();
 * for await (const { text } of session.generate('Once upon a time')) process.stdout.write(text);
 * model.dispose();
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  checkOptions(options);
  const { onProgress, signal, ...engineOptions } = options;
  const engine = await createEngine(engineOptions);
  const files = await openModelFiles(source, signal);
  try {
    const json = parseConfigBytes(await readModelFile(files, 'config.json', MAX_CONFIG_BYTES));
    const tensors = await openTensors(files, signal);
    const ownConfig = parseConfig(json, tensors.entries);
    const { extras } = checkTensors(ownConfig, tensors.entries);
    const { eosTokenIds, defaults } = await readGenerationConfig(files, ownConfig.vocabSize);
    const ends = new Set([...ownConfig.eosTokenIds, ...eosTokenIds]);
    const contextLength = Math.min(ownConfig.contextLength, options.contextLength ?? Infinity);
    const config = { ...ownConfig, contextLength, eosTokenIds: [...ends] };
    const chat = await readChatConfig(files);
    const tokenizer = await readTokenizer(files, config);
    checkBudget(config, engine.heap.limit);
    const weights = await loadWeights(engine, config, tensors, async (loaded, total) => {
      onProgress?.({ loaded, total });
      // bytes in memory are read without a pause: timers and signals run here
      await yieldMacrotask();
    });
    checkAbort(signal);
    const backend = new CpuBackend(engine, config, weights);
    return new Model(backend, config, tokenizer, extras, { chat, defaults });
  } finally {
    await files.close();
  }
}

async function readTokenizer(
  files: ModelFiles,
  config: ModelConfig,
): Promise<TextTokenizer | undefined> {
  const file = await files.open('tokenizer.json');
  if (file === undefined) return undefined;
  const bytes = await readAll(file, MAX_TOKENIZER_BYTES);
  if (isDeeperThan(MAX_TOKENIZER_DEPTH, bytes)) {
    throw new TpaError(
      'TOKENIZER_INVALID',
      `"tokenizer.json" expected at most ${MAX_TOKENIZER_DEPTH} levels, found more`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // the cause would quote the file
    throw new TpaError('TOKENIZER_INVALID', '"tokenizer.json" expected JSON, found something else');
  }
  return createTokenizer(json, { vocabSize: config.vocabSize });
}

function checkOptions(options: unknown): asserts options is LoadOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`"options" expected an object, got ${String(options)}`);
  }
  checkKnown('loadModel', options, KNOWN_OPTIONS);
  const { backend = 'auto', dtype = 'float32', cacheDtype = 'float32' }: LoadOptions = options;
  const { threads, contextLength, onProgress, signal }: LoadOptions = options;
  if (contextLength !== undefined) checkInteger('contextLength', contextLength, 1, LIMITS.context);
  if (backend === 'webgpu') {
    throw new TpaError(
      'BACKEND_UNAVAILABLE',
      '"webgpu" is not built yet; use backend: "auto" or "wasm"',
    );
  }
  if (backend !== 'auto' && backend !== 'wasm') {
    throw new RangeError(`"backend" expected "auto", "wasm" or "webgpu", got ${String(backend)}`);
  }
  if (dtype !== 'float32') {
    throw new RangeError(`"dtype" expected "float32", the only one so far, got ${String(dtype)}`);
  }
  if (cacheDtype !== 'float32') {
    throw new RangeError(
      `"cacheDtype" expected "float32", the only one so far, got ${String(cacheDtype)}`,
    );
  }
  checkThreads(threads);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError(`"onProgress" expected a function, got ${typeof onProgress}`);
  }
  // `in` rather than instanceof: signals of another realm are as good
  if (signal !== undefined && !(Object(signal) === signal && 'aborted' in signal)) {
    throw new TypeError(`"signal" expected an AbortSignal, got ${typeof signal}`);
  }
}
