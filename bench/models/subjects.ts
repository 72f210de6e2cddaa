import { T6_SMALL } from '../shapes.ts';
import { threadsTitle } from '../threads/thread-counts.ts';

/** What weights a model file has. */
export type FileType = 'F16' | 'Q8_0' | 'Q4_0';

/** The sizes of a model of the LLaMA family. */
export interface DenseModel {
  readonly family: 'llama' | 'qwen2' | 'qwen3';
  readonly layers: number;
  readonly dim: number;
  readonly hiddenDim: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  /** Whether the output projection is the embedding. */
  readonly isTied: boolean;
}

/** What is run: a model in a runtime. */
export interface Subject {
  readonly runtime: 'tpa-wasm' | 'llama.cpp' | 'wllama' | 'onnxruntime-web';
  readonly model: 'T6-small' | 'MHA-12' | 'GQA-22/2';
  readonly dtype: 'f32' | 'q8' | 'q4';
  readonly threads: number;
}

/** What all models are told they may be given; as long as the longest row of a table needs. */
export const CONTEXT_LENGTH = 32_768;

/** Sizes that all models here share with T6-small. */
export const SIZES = {
  family: 'llama',
  layers: 12,
  dim: T6_SMALL.dim,
  hiddenDim: 2048,
  headDim: T6_SMALL.headDim,
  vocabSize: 50_304,
  isTied: true,
} as const;

/** 123.5 and 123.6 million parameters; T6-small has 124.3. */
export const DENSE_MODELS: Readonly<Record<Exclude<Subject['model'], 'T6-small'>, DenseModel>> = {
  'MHA-12': { ...SIZES, heads: 12, kvHeads: 12 },
  'GQA-22/2': { ...SIZES, heads: 22, kvHeads: 2 },
};

/** The first is what the others are compared with. */
const COMPARED: readonly Omit<Subject, 'threads'>[] = [
  ...(['T6-small', 'MHA-12', 'GQA-22/2'] as const).flatMap((model) =>
    (['q8', 'q4', 'f32'] as const).map((dtype) => ({ runtime: 'tpa-wasm', model, dtype }) as const),
  ),
  ...(['MHA-12', 'GQA-22/2'] as const).flatMap((model) =>
    (['q8', 'q4'] as const).map((dtype) => ({ runtime: 'llama.cpp', model, dtype }) as const),
  ),
  { runtime: 'wllama', model: 'MHA-12', dtype: 'q8' },
  { runtime: 'wllama', model: 'MHA-12', dtype: 'q4' },
  { runtime: 'onnxruntime-web', model: 'T6-small', dtype: 'f32' },
];

/** All subjects with each number of threads, those of a subject one after the other. */
export function subjectsOf(counts: readonly number[]): Subject[] {
  return COMPARED.flatMap((subject) => counts.map((threads) => ({ ...subject, threads })));
}

/** In a line. */
export function titleOf({ runtime, model, dtype, threads }: Subject): string {
  const name = `${runtime} ${model} ${dtype}`;
  return threads === 1 ? name : `${name}, ${threadsTitle(threads)}`;
}

/** The file type that holds weights of a dtype as they are. */
export const FILE_TYPES: Readonly<Record<Subject['dtype'], FileType>> = {
  f32: 'F16',
  q8: 'Q8_0',
  q4: 'Q4_0',
};
