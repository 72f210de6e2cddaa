import type { BackendChange } from '../../backend/backend-change.ts';
import type { FileFacts } from '../../download/cache/model-cache.ts';
import type { LoadProgress } from '../../download/load-progress.ts';
import type { ModelConfig } from '../../format/config/model-config.ts';
import type { CacheDtype } from '../../layout/cache-dtype.ts';
import type { AdapterBytes } from '../../lora/adapter-source.ts';
import type { MemoryInfo } from '../../ops/runtime.ts';
import type { ThreadsChange } from '../../threads/threads.ts';
import type { LoadOptions } from '../load-options.ts';
import type { Computing } from '../local-host.ts';
import type { ModelInfo } from '../model-info.ts';
import type { CrossingText } from './crossing-text.ts';

/*
 * What a caller and the worker that owns its model say to each other. The worker knows files, weights
 * and sequences; text, sessions and sampling are the caller's. Every kind is asked by one side alone.
 */

/** Options of `loadModel` that cross as they are; what a function answers is asked across the border. */
export interface CrossingOptions extends Omit<
  LoadOptions,
  'worker' | 'signal' | 'onProgress' | 'fetch' | 'cache' | 'lora' | 'webgpu'
> {
  readonly cache?: 'auto' | 'reload' | 'none';
  readonly lora?: readonly { readonly source: string | AdapterBytes; readonly scale: number }[];
  readonly webgpu?: Omit<NonNullable<LoadOptions['webgpu']>, 'worker'> & {
    readonly worker?: string;
  };
  /** Which of the caller's own functions there are. */
  readonly asks: {
    readonly cache: boolean;
    readonly fetch: boolean;
    readonly onProgress: boolean;
    readonly startGpuWorker: boolean;
  };
}

/** The files of a model that the caller has. */
export interface CallerFiles {
  readonly name: string;
  readonly gguf: readonly string[] | undefined;
}

/** What the caller knows of a model's state without asking. */
export interface ModelState {
  readonly memory: MemoryInfo;
  /** Where it has changed. */
  readonly computing?: Computing;
}

/** A step of one sequence. */
export interface StepAsk {
  readonly sequence: number;
  readonly ids: Int32Array;
  /** Memory that logits may be written to, `vocabSize` numbers. */
  readonly row?: Float32Array | undefined;
  /** Which logits are wanted, or the ids that follow each of `ids`, to be scored. */
  readonly want: 'last' | 'all' | Int32Array;
}

/** What came of a step. */
export interface StepAnswer extends ModelState {
  readonly numbers: Float32Array;
  /** Tokens in the cache now. */
  readonly length: number;
}

/** What the worker is asked. */
export interface WorkerAsks {
  load: {
    ask: {
      /** An address or a path, or that the caller has the files. */
      readonly source: string | CallerFiles;
      readonly options: CrossingOptions;
    };
    answer: ModelState & { readonly config: ModelConfig; readonly info: ModelInfo };
  };
  create: {
    ask: { readonly sequence: number; readonly cacheDtype: CacheDtype };
    answer: void;
  };
  fork: { ask: { readonly sequence: number; readonly from: number }; answer: void };
  truncate: { ask: { readonly sequence: number; readonly length: number }; answer: void };
  dispose: { ask: { readonly sequence: number }; answer: void };
  /** The model is not wanted any more: its threads may leave before the worker is ended. */
  close: { ask: undefined; answer: void };
  step: { ask: StepAsk; answer: StepAnswer };
  savePiece: {
    ask: {
      readonly sequence: number;
      readonly piece: number;
      /** Memory that it is copied to. */
      readonly target: Bytes;
      readonly cacheDtype: CacheDtype;
    };
    answer: { readonly target: Bytes; readonly crc: number };
  };
  /** A sequence is to be made of pieces. */
  receive: {
    ask: {
      readonly sequence: number;
      readonly lengths: readonly number[];
      readonly cacheDtype: CacheDtype;
    };
    answer: void;
  };
  loadPiece: {
    ask: { readonly sequence: number; readonly piece: Bytes; readonly crc: number };
    /** The memory that the piece came in, too. */
    answer: ModelState & { readonly piece: Bytes };
  };
  /** All pieces have come. */
  received: { ask: { readonly sequence: number }; answer: void };
}

/** A request as it crosses. */
export interface CrossingRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly redirect: RequestRedirect;
}

/** A response as it crosses; its body is pulled under the number of it. */
export interface CrossingResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly type: ResponseType;
  readonly body: number | undefined;
}

/** A place in something that the caller holds under a number. */
export interface Piece {
  readonly handle: number;
  readonly offset: number;
  readonly length: number;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** What the caller is asked. Files, entries of a cache and bodies are numbers until they are closed. */
export interface CallerAsks {
  /** The worker has started. */
  hello: { ask: undefined; answer: void };
  /** What the model's files say about text, to be built or refused. */
  text: { ask: CrossingText; answer: void };
  progress: { ask: LoadProgress; answer: void };
  /** What has changed without a step. */
  state: { ask: ModelState; answer: void };
  change: { ask: ModelState & { readonly change: BackendChange | ThreadsChange }; answer: void };
  openFile: {
    ask: string;
    answer: { readonly handle: number; readonly name: string; readonly size: number } | undefined;
  };
  openCached: {
    ask: string;
    answer: { readonly handle: number; readonly facts: FileFacts } | undefined;
  };
  /** A piece of a file or of an entry of the cache. */
  read: { ask: Piece; answer: Bytes };
  createCached: { ask: { readonly key: string; readonly facts: FileFacts }; answer: number };
  write: { ask: { readonly handle: number; readonly bytes: Bytes }; answer: void };
  commit: { ask: number; answer: void };
  fetch: {
    ask: CrossingRequest;
    /** Of what is no response the kind alone. */
    answer: CrossingResponse | { readonly other: string | null };
  };
  /** The next bytes of a body; undefined at its end. */
  pull: { ask: number; answer: Bytes | undefined };
  /** Closes a file, aborts a writer or cancels a body. */
  close: { ask: number; answer: void };
  /** Starts the caller's GPU worker, which talks over the port; answered with the reason when it ends. */
  startGpuWorker: { ask: { readonly port: MessagePort }; answer: string };
}
