import { TpaError } from '../base/errors.ts';
import { yieldMacrotask } from '../base/time.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import type { Losable } from '../device/supervisor.ts';
import type { ModelConfig } from '../format/config/model-config.ts';

/** Who computes, the CPU or a GPU. */
export type Side = 'wasm' | 'webgpu';

/** What a model computes with: caches of one are of no use to another. */
export interface ModelIdentity {
  readonly config: ModelConfig;
  /** Of configuration and weights, 32 hexadecimal digits. */
  readonly fingerprint: string;
}

/**
 * Who computes. A backend owns the weights and evaluates tokens; a sequence is one context's
 * factor cache on it. The token loop knows nothing else, so that another backend can take over.
 */
export interface Backend<S = Sequence> {
  /** Positions a sequence can hold. */
  readonly contextLength: number;
  /** Length of one row of logits. */
  readonly vocabSize: number;
  /** @throws TpaError `DISPOSED`, `WORKER_LOST` */
  readonly identity: ModelIdentity;
  /**
   * An empty sequence.
   *
   * @param cacheDtype how it stores factors, as the model is loaded unless given; the states of linear
   *   attention are float32 always
   * @throws TpaError `OUT_OF_MEMORY`, `DISPOSED`
   */
  createSequence(cacheDtype?: CacheDtype): S;
  /**
   * A sequence of what another one has saved, whose pieces are to come.
   *
   * @param lengths that of the other one, {@link Sequence.lengths}
   * @param cacheDtype that of the other one
   * @throws RangeError for lengths that no sequence has; TpaError `OUT_OF_MEMORY`, `DISPOSED`
   */
  receive(lengths: readonly number[], cacheDtype?: CacheDtype): IncomingSequence<S>;
  /** Frees the weights and every sequence; idempotent. */
  dispose(): void;
}

/** One context: the cached factors of the tokens evaluated so far. Calls never overlap. */
export interface Sequence {
  /** Tokens in the cache; after {@link dispose} those that were: a step may be told only then. */
  readonly length: number;
  /** Bytes of the cache pages or states this sequence refers to (shared ones count in full). */
  readonly byteLength: number;
  /** How it stores factors. */
  readonly cacheDtype: CacheDtype;
  /**
   * What each layer stores: the tokens of its pages, if there are any; of linear attention those of
   * each state that is kept, growing.
   */
  readonly lengths: readonly number[];
  /**
   * Evaluates the first of `ids` at positions `length …` and appends their factors: at least one, as
   * many as the side that computes takes at once; `length` tells. Nothing is appended unless it
   * resolves.
   *
   * @param row (vocabSize), where those of the last token may be written: a fresh array for each is
   *   200 KB of garbage at 50,000 tokens, and engines collect buffers late
   * @param isCancelled asked now and then while it computes; default: it never is
   * @returns logits of the last token evaluated `(vocabSize)`, or of every one `(tokens, vocabSize)`;
   *   `row` or a fresh array
   * @throws TpaError `OUT_OF_MEMORY`, `NONFINITE_LOGITS`, `KERNEL_TRAP`, `DISPOSED`, `ABORTED` where
   *   it was cancelled
   */
  forward(
    ids: readonly number[],
    rows?: 'last' | 'all',
    row?: Float32Array,
    isCancelled?: () => boolean,
  ): Promise<Float32Array>;
  /**
   * As {@link forward}, for what the model says of the tokens that follow.
   *
   * @param next ids of the token after each of `ids`, as many as these
   * @returns their log-probabilities (tokens evaluated), a fresh array
   */
  score(
    ids: readonly number[],
    next: readonly number[],
    isCancelled?: () => boolean,
  ): Promise<Float32Array>;
  /**
   * Forgets the tokens from position `length` on, and more where the model keeps no state of that
   * length (linear attention): `length` tells what is left, the rest is to be evaluated again.
   */
  truncate(length: number): void;
  /** A copy that shares the pages, copy on write. */
  fork(): Sequence;
  /**
   * Copies a piece of what the layers store, which must not change before all of them are copied.
   *
   * @param piece its number among those of all layers: those of the first layer, as `savedPieces`
   *   counts them, then those of the next
   * @param target of its size
   * @param cacheDtype how factors are stored in it, as they are unless given
   * @returns its CRC-32C
   * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`, `DISPOSED`
   */
  savePiece(piece: number, target: Uint8Array, cacheDtype?: CacheDtype): Promise<number>;
  /** Gives the pages back; idempotent. */
  dispose(): void;
}

/** A sequence on its way in, which nobody uses before it is whole. Calls never overlap. */
export interface IncomingSequence<S = Sequence> {
  /**
   * Takes the next piece, in the order in which {@link Sequence.savePiece} counts them. After an
   * error the sequence is only to be disposed of.
   *
   * @param piece not kept, not changed
   * @param crc what its CRC-32C is to be
   * @throws RangeError for a piece of another size, or one too many; TpaError `SNAPSHOT_INVALID` where
   *   the CRC or the numbers are wrong, `OUT_OF_MEMORY`, `KERNEL_TRAP`, `DISPOSED`
   */
  write(piece: Uint8Array, crc: number): Promise<void>;
  /** The sequence, after the last piece. @throws RangeError before it; TpaError as {@link write} */
  end(): Promise<S>;
  /** Gives everything back, unless it has become a sequence; idempotent. */
  dispose(): void;
}

/**
 * Evaluates all of `ids`, chunk by chunk; a macrotask passes between two chunks, so that timers run
 * and signals are seen.
 *
 * @param sequence what they are appended to
 * @param forward evaluates the first of the ids that it is given, as {@link Sequence.forward} does;
 *   `done` ids went before
 * @param isCancelled asked before each chunk and after the last; within one `forward` may ask it, and
 *   throws `ABORTED`
 * @returns false if cancelled
 */
export async function inChunks(
  sequence: Pick<Sequence, 'length'>,
  ids: readonly number[],
  forward: (ids: readonly number[], done: number) => Promise<void>,
  isCancelled: () => boolean = () => false,
): Promise<boolean> {
  const start = sequence.length;
  for (let done = 0; done < ids.length; done = sequence.length - start) {
    if (done > 0) await yieldMacrotask();
    if (isCancelled()) return false;
    try {
      await forward(ids.slice(done), done);
    } catch (error) {
      if (isCancelled() && isAborted(error)) return false;
      throw error;
    }
  }
  return !isCancelled();
}

function isAborted(error: unknown): boolean {
  return error instanceof TpaError && error.code === 'ABORTED';
}

/**
 * A sequence whose factors go in and out: what the CPU and the GPU both are. The CPU's is the truth
 * and the GPU's a copy of it, so that a lost device costs no token.
 *
 * Factors travel as float32 (layers, count, numbers); the numbers of a token in a layer are
 * ak (heads, rankK), bk (rankK, keyRows), av (heads, rankV), bv (rankV, valueRows), with 0 of what
 * `storedNumbers` of the layer's AttentionSpec does not store.
 */
export interface FactorSequence extends Pick<
  Sequence,
  'length' | 'forward' | 'truncate' | 'dispose'
> {
  /**
   * Factors of tokens start … start + count, at least one; those of the last {@link forward} cost
   * the GPU nothing.
   *
   * @returns (layers, count, numbers), a fresh array
   * @throws of the CPU's: RangeError unless all of them are cached; TpaError `MODEL_UNSUPPORTED` for
   *   linear attention, which caches no factors, `OUT_OF_MEMORY`, `KERNEL_TRAP`, `DISPOSED`
   */
  readFactors(start: number, count: number): Promise<Float32Array>;
  /**
   * Appends the factors of tokens that another sequence of the same model evaluated, at least one.
   * Nothing is appended unless it resolves.
   *
   * @param factors (layers, count, numbers); not kept, not changed
   * @throws TpaError `OUT_OF_MEMORY`; of the CPU's also RangeError unless they are of whole tokens
   *   that fit the context, TpaError `NONFINITE_LOGITS` for a number that is not finite, and as
   *   {@link readFactors}
   */
  loadFactors(factors: Float32Array): Promise<void>;
}

/** A device in a worker, as either of its users knows it. */
export interface Gpu extends Losable {
  /** The adapter in words, e.g. "llvmpipe (LLVM 15.0.6, 256 bits)". */
  readonly adapter: string;
  /** Whether the adapter is a CPU in disguise (SwiftShader, llvmpipe, a fallback adapter). */
  readonly isSoftware: boolean;
  /** Version of onnxruntime-web. */
  readonly version: string;
}

/** A backend whose sequences are filled from others'. */
export type FactorBackend = Omit<
  Backend<FactorSequence>,
  'identity' | 'receive' | 'createSequence'
> & { createSequence(): FactorSequence };

/** A GPU as a backend: a copy of the weights and of the factors of the sequences that use it. */
export interface GpuBackend extends Gpu, FactorBackend {
  /** Tokens that one forward evaluates at most. */
  readonly maxChunk: number;
  /** What weights are on the device. */
  readonly dtype: 'float32' | 'float16' | 'quantized';
  /** Bytes that came back from the device with the last forward. */
  readonly bytesRead: number;
  /** Ends the worker at once; idempotent. */
  dispose(): void;
}

/** Starts the GPU: weights are on the device when it resolves. Rejects with a TpaError. */
export type OpenGpu = (signal: AbortSignal) => Promise<GpuBackend>;
