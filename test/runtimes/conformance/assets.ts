import type { Factors, GgufBytes, ModelBytes } from '../../../src/index.ts';

/** Stored factors of one layer, and the attention that upstream computes of them. */
export interface OperationCase {
  readonly name: string;
  readonly spec: {
    readonly heads: number;
    readonly headDim: number;
    readonly rankK: number;
    readonly rankV: number;
  };
  readonly tokens: number;
  readonly factors: Factors & { readonly rankQ: number };
  /** (tokens, heads, headDim) */
  readonly expected: Float32Array;
  readonly atol: number;
}

/** A tiny model and upstream's logits of some ids. */
export interface ModelCase {
  readonly name: string;
  readonly source: ModelBytes & { readonly weights: Uint8Array };
  readonly ids: readonly number[];
  /** (ids, vocabSize) */
  readonly logits: Float32Array;
  readonly atol: number;
}

/** A tiny LLaMA as a GGUF file, and the same in parts. */
export interface GgufCase {
  readonly whole: Uint8Array;
  readonly parts: readonly Uint8Array[];
  readonly ids: readonly number[];
}

/** What the suite works on, the same bytes in every runtime. */
export interface Assets {
  readonly operations: readonly OperationCase[];
  readonly models: readonly ModelCase[];
  readonly gguf: GgufCase;
  /** The model in the package, and what float64 makes of a prompt. */
  readonly shipped: {
    readonly source: GgufBytes;
    readonly prompt: readonly number[];
    readonly greedy: readonly number[];
  };
}

/** As text, which every runtime can import or fetch without a permission. */
export function encodeAssets(assets: Assets): string {
  return JSON.stringify(assets, (_key, value: unknown) => {
    if (!(value instanceof Float32Array) && !(value instanceof Uint8Array)) return value;
    const { buffer, byteOffset, byteLength } = value;
    const base64 = Buffer.from(buffer, byteOffset, byteLength).toString('base64');
    return value instanceof Float32Array ? { float32: base64 } : { uint8: base64 };
  });
}

/** What {@link encodeAssets} wrote. */
export function decodeAssets(text: string): Assets {
  return JSON.parse(text, (_key, value: { float32?: string; uint8?: string } | null) => {
    if (typeof value?.float32 === 'string') return new Float32Array(bytesOf(value.float32).buffer);
    return typeof value?.uint8 === 'string' ? bytesOf(value.uint8) : value;
  }) as Assets;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
