import { readFileSync } from 'node:fs';
import { goldenOp } from '../helpers/kernels/golden-op.ts';
import { floats, integers, loadGolden, tolerance } from '../helpers/checks/golden.ts';
import { buildGguf, splitGguf } from '../helpers/files/build-gguf.ts';
import { ggufModel } from '../helpers/models/gguf-model.ts';
import { SHIPPED_MODEL } from '../../src/cli/package-files.ts';
import { goldenSource, part } from '../helpers/models/t6-model.ts';
import type { Assets, GgufCase, ModelCase, OperationCase } from './conformance/assets.ts';

/** One of several pages, one with odd sizes, one of full width. */
const OPERATIONS = [
  'op_H4_D16_q3_k1_v1_d32_T130_bf16',
  'op_H5_D24_q3_k2_v1_d40_T33_exact',
  'op_H34_D64_q6_k2_v2_d768_T7_bf16',
];
/** A mechanism each. */
const MODELS = ['model_t6', 'model_t6_groupnorm', 'model_llama_gqa', 'model_llama_mla'];

/** The golden files that run in every runtime, and the shipped model. */
export function goldenAssets(): Assets {
  const { greedy, promptLength } = shippedGreedy();
  return {
    operations: OPERATIONS.map(operationCase),
    models: MODELS.map(modelCase),
    gguf: ggufCase(),
    shipped: {
      source: { gguf: new Uint8Array(readFileSync(SHIPPED_MODEL)) },
      prompt: greedy.slice(0, promptLength),
      greedy: greedy.slice(promptLength),
    },
  };
}

function operationCase(name: string): OperationCase {
  const golden = loadGolden(name);
  const { query, cache, sizes } = goldenOp(golden);
  const { heads, headDim, rankK, rankV, tokens } = sizes;
  return {
    name,
    spec: { heads, headDim, rankK, rankV },
    tokens,
    factors: { ...query, ...cache },
    expected: floats(golden, 'out_attn'),
    atol: tolerance(golden, 'out_attn'),
  };
}

function ggufCase(): GgufCase {
  const { parts } = ggufModel();
  const split = splitGguf(parts, 3);
  return { whole: buildGguf(parts), parts: [...split.values()], ids: [5, 6, 7] };
}

function modelCase(name: string): ModelCase {
  const golden = loadGolden(name);
  const [rows] = golden.tensors.get('ids')!.shape as [number];
  return {
    name,
    source: goldenSource(golden, 'bf16'),
    ids: [...part(integers(golden, 'ids'), 0, rows)],
    logits: part(floats(golden, 'logits_bf16'), 0, rows),
    atol: tolerance(golden, 'logits_bf16'),
  };
}

function shippedGreedy(): { greedy: number[]; promptLength: number } {
  const golden = loadGolden('shipped_t6');
  return {
    greedy: [...integers(golden, 'greedy')],
    promptLength: golden.meta.greedy_prompt_len!,
  };
}
