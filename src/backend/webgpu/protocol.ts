import type { TpaErrorCode } from '../../base/errors.ts';
import type { ElementType } from './graph/onnx-model.ts';

/*
 * What the main thread and the worker that owns the device say to each other. The worker knows
 * graphs, buffers and runs; models, sequences and time-outs are the main thread's.
 */

/** One input of a run: numbers, or a buffer of the device that holds at least as many. */
export interface Feed {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data?: Float32Array | Int32Array | BigInt64Array;
  readonly buffer?: number;
}

/** Bytes to be written to a buffer. */
export interface BufferWrite {
  readonly buffer: number;
  /** Byte offset, a multiple of 4. */
  readonly at: number;
  readonly data: Float32Array | Uint16Array | Uint8Array;
}

/** A part of an output that a buffer keeps, copied on the device. */
export interface OutputCopy {
  readonly output: string;
  /** Byte offsets and length. */
  readonly from: number;
  readonly buffer: number;
  readonly at: number;
  readonly bytes: number;
}

/** A buffer to make; ids are the main thread's. */
export interface BufferSize {
  readonly buffer: number;
  readonly bytes: number;
}

/** Where onnxruntime-web is, and what it may run on. */
export interface StartOptions {
  /** Address of the module, resolved; the worker's own import unless given. */
  readonly module?: string;
  /** Folder of its .wasm and .mjs files; beside the module unless given. */
  readonly wasmPaths?: string;
  readonly powerPreference?: 'low-power' | 'high-performance';
  readonly allowsSoftware: boolean;
  /** Whether `shader-f16` is needed. */
  readonly needsHalf: boolean;
}

/** What the worker found. */
export interface StartReport {
  /** In words, e.g. "llvmpipe (LLVM 15.0.6, 256 bits)". */
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** Of onnxruntime-web. */
  readonly version: string;
  /** Bytes that one buffer, and one binding of it, may have. */
  readonly maxBytes: number;
  /** Whether graphs may compute in float16. */
  readonly hasHalf: boolean;
}

/** What can be asked, and what the answer is. */
export interface Requests {
  start: { ask: StartOptions; answer: StartReport };
  /** Compiles a graph; all of its nodes must be the GPU's. */
  compile: { ask: { readonly graph: string; readonly model: Uint8Array }; answer: undefined };
  /** Feeds that every run of the graph has. */
  bind: { ask: { readonly graph: string; readonly feeds: readonly Feed[] }; answer: undefined };
  /** Makes buffers of zeros; one that is there already is replaced, its content kept. */
  allocate: { ask: { readonly buffers: readonly BufferSize[] }; answer: undefined };
  write: { ask: { readonly writes: readonly BufferWrite[] }; answer: undefined };
  read: {
    ask: { readonly parts: readonly { buffer: number; at: number; bytes: number }[] };
    answer: Float32Array[];
  };
  free: { ask: { readonly buffers: readonly number[] }; answer: undefined };
  run: { ask: RunRequest; answer: Float32Array[] };
}

/** A run of a graph; the answer holds the outputs of `read`, in order. */
export interface RunRequest {
  readonly graph: string;
  readonly feeds: readonly Feed[];
  /** Writes before the run. */
  readonly writes: readonly BufferWrite[];
  readonly copies: readonly OutputCopy[];
  readonly read: readonly string[];
}

/** To the worker. */
export type Request = {
  [Kind in keyof Requests]: {
    readonly id: number;
    readonly kind: Kind;
    readonly ask: Requests[Kind]['ask'];
  };
}[keyof Requests];

/** From the worker: an answer, an error, or that the device is gone. */
export type Reply =
  | { readonly id: number; readonly answer: Requests[keyof Requests]['answer'] }
  | { readonly id: number; readonly code: TpaErrorCode; readonly message: string }
  | { readonly lost: string };
