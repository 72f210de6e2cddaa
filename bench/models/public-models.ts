import type { DenseModel } from './subjects.ts';

/** A published model, by the sizes in its config.json. */
export interface PublicModel extends DenseModel {
  readonly name: string;
}

const SMOLLM = { family: 'llama', headDim: 64, vocabSize: 49_152, isTied: true } as const;

/** Models that people run in pages and on small machines. */
export const PUBLIC_MODELS: readonly PublicModel[] = [
  { name: 'SmolLM2 135M', ...SMOLLM, layers: 30, dim: 576, hiddenDim: 1536, heads: 9, kvHeads: 3 },
  { name: 'SmolLM2 360M', ...SMOLLM, layers: 32, dim: 960, hiddenDim: 2560, heads: 15, kvHeads: 5 },
  {
    name: 'Qwen2.5 0.5B',
    family: 'qwen2',
    layers: 24,
    dim: 896,
    hiddenDim: 4864,
    heads: 14,
    kvHeads: 2,
    headDim: 64,
    vocabSize: 151_936,
    isTied: true,
  },
  {
    name: 'Qwen3 0.6B',
    family: 'qwen3',
    layers: 28,
    dim: 1024,
    hiddenDim: 3072,
    heads: 16,
    kvHeads: 8,
    headDim: 128,
    vocabSize: 151_936,
    isTied: true,
  },
  {
    name: 'TinyLlama 1.1B',
    family: 'llama',
    layers: 22,
    dim: 2048,
    hiddenDim: 5632,
    heads: 32,
    kvHeads: 4,
    headDim: 64,
    vocabSize: 32_000,
    isTied: false,
  },
  {
    name: 'Llama 3.2 1B',
    family: 'llama',
    layers: 16,
    dim: 2048,
    hiddenDim: 8192,
    heads: 32,
    kvHeads: 8,
    headDim: 64,
    vocabSize: 128_256,
    isTied: true,
  },
];
