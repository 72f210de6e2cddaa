import type { GraphBuilder } from './graph-builder.ts';

/** A weight as the graph sees it. */
export interface WeightSpec {
  /** As in NamedMatrix; a cut matrix is `{name}.0`, `{name}.1` … */
  readonly name: string;
  readonly dims: readonly number[];
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
    const input = this.#isHalf ? g.cast(x, 'float16') : x;
    const parts = this.#parts(name);
    // a matrix is cut by its outputs, which are last
    const axis = this.#find(parts[0]!)!.dims.length - 1;
    const products = parts.map((part) => g.matmul(input, this.get(part)!));
    const joined = g.concat(products, axis);
    const product = this.#isHalf ? g.cast(joined, 'float32') : joined;
    const bias = this.get(`${name}_bias`);
    return bias === undefined ? product : g.add(product, bias);
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
