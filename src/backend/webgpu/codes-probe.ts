import { TpaError } from '../../base/errors.ts';
import { BLOCK } from '../../layout/blocks.ts';
import type { GpuDevice } from './client/device.ts';
import { GraphBuilder } from './graph/graph-builder.ts';
import { codeInputs, WeightInputs, type WeightSpec } from './graph/weight-inputs.ts';
import type { BufferWrite, Feed } from './protocol.ts';
import { floatFeed } from './step-feeds.ts';

const GRAPH = 'codes-probe';
const [TOKENS, INPUTS, OUTPUTS] = [3, 96, 40];
const BLOCKS = INPUTS / BLOCK;

/** Sums of 96 products of numbers up to 1: float32 is off by 1e-5 (SwiftShader), a wrong order by 1. */
const TOLERANCE = 1e-3;

const SPECS = ([4, 8] as const).map((bits) => ({
  name: `weight${bits}`,
  dims: [INPUTS, OUTPUTS],
  codes: { bits, hasOffsets: true },
}));

/**
 * Whether the device multiplies with codes of 4 and of 8 bits, and rightly: a provider may lack the
 * operator, or have it for other layouts.
 *
 * @throws TpaError `GPU_LOST`, `GPU_OUT_OF_MEMORY`
 */
export async function multipliesCodes(device: GpuDevice): Promise<boolean> {
  try {
    await device.ask('compile', { graph: GRAPH, model: probeGraph() });
  } catch (error) {
    if (error instanceof TpaError && error.code === 'BACKEND_UNAVAILABLE') return false;
    throw error;
  }
  const inputs = probeNumbers(TOKENS * INPUTS, 1);
  const writes: BufferWrite[] = [];
  const feeds: Feed[] = [floatFeed('x', [TOKENS, INPUTS], inputs)];
  for (const spec of SPECS) {
    const arrays = codeArrays(spec.codes.bits);
    for (const [part, input] of Object.entries(codeInputs(spec))) {
      const buffer = writes.length;
      writes.push({ buffer, at: 0, data: arrays[part as keyof typeof arrays] });
      feeds.push({ ...input, buffer });
    }
  }
  const sizes = writes.map(({ buffer, data }) => ({ buffer, bytes: data.byteLength }));
  await device.ask('allocate', { buffers: sizes });
  const read = SPECS.map(({ name }) => `${name}.product`);
  const run = { graph: GRAPH, feeds, writes, copies: [], read };
  const found = await device.ask('run', run);
  await device.ask('free', { buffers: sizes.map(({ buffer }) => buffer) });
  return SPECS.every(({ codes }, i) => isProduct(found[i]!, inputs, codes.bits));
}

function probeGraph(): Uint8Array {
  const g = new GraphBuilder();
  const weights = new WeightInputs(g, SPECS satisfies readonly WeightSpec[], false);
  const x = g.input('x', ['T', INPUTS]);
  for (const { name } of SPECS) {
    g.output(`${name}.product`, weights.product(x, name), ['T', OUTPUTS]);
  }
  return g.build().model;
}

/** Codes of all values, scales and offsets that differ. */
function codeArrays(bits: 4 | 8) {
  const codes = new Uint8Array((OUTPUTS * INPUTS * bits) / 8);
  for (let i = 0; i < codes.length; i++) codes[i] = i * 37 + (i >> 6);
  return {
    codes,
    scales: probeNumbers(OUTPUTS * BLOCKS, 2).map((value) => value / 2 ** bits),
    offsets: probeNumbers(BLOCKS * OUTPUTS, 3),
  };
}

/** Whether these are inputs times what the codes say, summed in float64. */
function isProduct(found: Float32Array, inputs: Float32Array, bits: 4 | 8): boolean {
  const { codes, scales, offsets } = codeArrays(bits);
  const codeAt = (i: number) =>
    bits === 8 ? codes[i]! - 128 : ((codes[i >> 1]! >> (4 * (i & 1))) & 15) - 8;
  for (let t = 0; t < TOKENS; t++) {
    for (let j = 0; j < OUTPUTS; j++) {
      let sum = 0;
      for (let k = 0; k < INPUTS; k++) {
        const block = Math.floor(k / BLOCK);
        const scale = scales[j * BLOCKS + block]!;
        const weight = scale * codeAt(j * INPUTS + k) + offsets[block * OUTPUTS + j]!;
        sum += inputs[t * INPUTS + k]! * weight;
      }
      const error = Math.abs(found[t * OUTPUTS + j]! - sum);
      if (!(error <= TOLERANCE * (1 + Math.abs(sum)))) return false;
    }
  }
  return true;
}

/** Numbers in [-1, 1), the same each time. */
function probeNumbers(count: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, i) => ((i * 0.618 + seed * 0.35) % 1) * 2 - 1);
}
