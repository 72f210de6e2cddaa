import { BLOCK } from '../../../layout/blocks.ts';
import type { CodeSpec } from '../matrix-codes.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** A weight as the graph sees it. */
export interface WeightSpec {
  /** As in NamedMatrix; a cut matrix is `{name}.0`, `{name}.1` … */
  readonly name: string;
  readonly dims: readonly number[];
  /** Of a matrix (inputs, outputs) that is quantised in blocks of 32 inputs. */
  readonly codes?: CodeSpec;
}

/** The inputs of a quantised matrix, by what CodeArrays calls them. */
export function codeInputs({ name, dims, codes }: WeightSpec) {
  const [inputs = 0, outputs = 0] = dims;
  const blocks = inputs / BLOCK;
  return {
    codes: { name, type: 'uint8', dims: [outputs, blocks, 4 * codes!.bits] },
    scales: { name: `${name}.scales`, type: 'float32', dims: [outputs * blocks] },
    offsets: { name: `${name}.offsets`, type: 'float32', dims: [blocks, outputs] },
  } as const;
}

/** A factor that is a parameter takes part in attention, which is float32. */
const FACTOR = /\.(?:aq|ak|av|bq|bk|bv)$/;

/** Whether a weight is stored in float16 where the model is: matrices of products, never vectors. */
export function isHalfWeight({ name, dims }: WeightSpec): boolean {
  return dims.length > 1 && !FACTOR.test(name);
}

/** The weights of a graph: inputs, so that they go to the device once and stay there. */
export class WeightInputs {
  readonly graph: GraphBuilder;
  readonly #weights: ReadonlyMap<string, WeightSpec>;
  readonly #isHalf: boolean;
  readonly #prefix: string;

  /** @param prefix what is put before every name that is asked for */
  constructor(graph: GraphBuilder, weights: Iterable<WeightSpec>, isHalf: boolean, prefix = '') {
    this.graph = graph;
    this.#weights = new Map(Array.from(weights, (weight) => [weight.name, weight]));
    this.#isHalf = isHalf;
    this.#prefix = prefix;
  }

  /** The same weights, by their names within a layer. */
  ofLayer(layer: number): WeightInputs {
    return new WeightInputs(this.graph, this.#weights.values(), this.#isHalf, `layers.${layer}.`);
  }

  /** The input of this name, undefined where the model has no such weight. */
  get(name: string): string | undefined {
    const weight = this.#find(name);
    if (weight === undefined) return undefined;
    const isHalf = this.#isHalf && isHalfWeight(weight);
    return this.graph.input(weight.name, weight.dims, isHalf ? 'float16' : 'float32');
  }

  /** x · weight (+ bias, where there is one under `{name}_bias`), float32 in and out. */
  product(x: string, name: string): string {
    const g = this.graph;
    const parts = this.#parts(name);
    const { dims, codes } = this.#find(parts[0]!)!;
    const isHalf = this.#isHalf && codes === undefined;
    const input = isHalf ? g.cast(x, 'float16') : x;
    const products = parts.map((part) =>
      codes === undefined ? g.matmul(input, this.get(part)!) : this.#codeProduct(x, part),
    );
    // a matrix is cut by its outputs, which are last
    const joined = g.concat(products, dims.length - 1);
    const product = isHalf ? g.cast(joined, 'float32') : joined;
    const bias = this.get(`${name}_bias`);
    return bias === undefined ? product : g.add(product, bias);
  }

  /** The offsets of a block meet the sum of its inputs. */
  #codeProduct(x: string, name: string): string {
    const g = this.graph;
    const spec = this.#find(name)!;
    const [K, N] = spec.dims as readonly [number, number];
    const { bits, hasOffsets } = spec.codes!;
    const { codes, scales, offsets } = codeInputs(spec);
    const operands = [
      x,
      ...[codes, scales].map((input) => g.input(input.name, input.dims, input.type)),
    ];
    const attributes = { K, N, bits, block_size: BLOCK };
    const [product] = g.nodeWithOutputs('MatMulNBits', 1, operands, attributes, 'com.microsoft');
    if (!hasOffsets) return product!;
    const sums = g.sum(g.reshape(x, -1, K / BLOCK, BLOCK), 2);
    return g.add(product!, g.matmul(sums, g.input(offsets.name, offsets.dims)));
  }

  #find(name: string): WeightSpec | undefined {
    return this.#weights.get(this.#prefix + name);
  }

  #parts(name: string): string[] {
    if (this.#find(name)) return [name];
    const parts: string[] = [];
    while (this.#find(`${name}.${parts.length}`)) parts.push(`${name}.${parts.length}`);
    if (parts.length > 0) return parts;
    throw new RangeError(`the graph needs "${this.#prefix}${name}", which the weights lack`);
  }
}
