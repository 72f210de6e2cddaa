import {
  type Attribute,
  ELEMENT_CODE,
  encodeModel,
  type ElementType,
  type InitializerSpec,
  type NodeSpec,
  type ValueSpec,
} from './onnx-model.ts';

/** A dimension: a number, a multiple of the step's new tokens, or of its past ones. */
export type Size = number | { readonly tokens: number } | { readonly past: number };

/** A tensor of small integers that a graph takes from the CPU: the shape of a reshape, the sizes of a split. */
export interface SizeInput {
  readonly name: string;
  readonly values: readonly number[];
}

/** A graph whose weights are inputs, so that it is small. */
export interface BuiltGraph {
  /** The ONNX file. */
  readonly model: Uint8Array;
  /** The inputs of sizes, for a step of so many tokens after a past of so many. */
  sizes(tokens: number, past: number): readonly SizeInput[];
}

/** As many new tokens as the step has. */
export const TOKENS: Size = { tokens: 1 };

/** Writes a graph node by node; every method returns the name of what it made. */
export class GraphBuilder {
  readonly #nodes: NodeSpec[] = [];
  readonly #inputs = new Map<string, ValueSpec>();
  readonly #outputs: ValueSpec[] = [];
  readonly #outputNames = new Map<string, string>();
  readonly #constants = new Map<string, InitializerSpec>();
  readonly #sizes = new Map<string, readonly Size[]>();
  #count = 0;

  /** A graph input; asked for twice, it is one. */
  input(name: string, dims: readonly (number | string)[], type: ElementType = 'float32'): string {
    this.#inputs.set(name, { name, dims, type });
    return name;
  }

  /** Makes what a node made an output of the graph. */
  output(name: string, value: string, dims: readonly (number | string)[]): void {
    this.#outputNames.set(value, name);
    this.#outputs.push({ name, dims, type: 'float32' });
  }

  /** One node with one output. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    return this.nodeWithOutputs(op, 1, inputs, attributes)[0]!;
  }

  /**
   * One node with several outputs.
   *
   * @param inputs '' for an optional one that is left out
   * @param domain of the operator, ONNX's own unless given
   */
  nodeWithOutputs(
    op: string,
    outputs: number,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): string[] {
    const name = `${op}.${this.#count++}`;
    const names = Array.from({ length: outputs }, (_, i) => (i === 0 ? name : `${name}.${i}`));
    this.#nodes.push({ op, domain, inputs, outputs: names, attributes });
    return names;
  }

  add(a: string, b: string): string {
    return this.node('Add', [a, b]);
  }

  multiply(a: string, b: string): string {
    return this.node('Mul', [a, b]);
  }

  /** x times a number. */
  scale(x: string, factor: number): string {
    return factor === 1
      ? x
      : this.multiply(x, this.#constant(`number.${factor}`, [], Float32Array.of(factor)));
  }

  matmul(a: string, b: string): string {
    return this.node('MatMul', [a, b]);
  }

  /** scale · a (m, k) · bᵀ, b (n, k). */
  matmulTransposed(a: string, b: string, scale = 1): string {
    return this.node('Gemm', [a, b], { transB: 1, alpha: { float: scale } });
  }

  transpose(x: string, ...perm: number[]): string {
    return this.node('Transpose', [x], { perm });
  }

  cast(x: string, type: ElementType): string {
    return this.node('Cast', [x], { to: ELEMENT_CODE[type] });
  }

  concat(parts: readonly string[], axis: number): string {
    return parts.length === 1 ? parts[0]! : this.node('Concat', parts, { axis });
  }

  /** The same numbers in another shape; 0 keeps the dimension of that index, one may be -1. */
  reshape(x: string, ...dims: Size[]): string {
    return this.node('Reshape', [x, this.#integers(dims)]);
  }

  /** x in parts of these sizes along an axis. */
  split(x: string, axis: number, ...sizes: Size[]): string[] {
    const inputs = [x, this.#integers(sizes)];
    return this.nodeWithOutputs('Split', sizes.length, inputs, { axis });
  }

  /** x repeated along dimensions of 1. */
  expand(x: string, ...dims: Size[]): string {
    return this.node('Expand', [x, this.#integers(dims)]);
  }

  /** Sum over an axis, which goes. */
  sum(x: string, axis: number): string {
    return this.node('ReduceSum', [x, this.#integers([axis])], { keepdims: 0 });
  }

  softmax(x: string): string {
    return this.node('Softmax', [x], { axis: -1 });
  }

  /** RMSNorm over the last axis. @param weight (width) */
  rmsNorm(x: string, weight: string, eps: number): string {
    const attributes = { axis: -1, epsilon: { float: eps } };
    return this.node('SimplifiedLayerNormalization', [x, weight], attributes);
  }

  /**
   * Rotary embedding on halves of x (n, rows · width), the first 2 · pairs features of each row.
   *
   * @param cos @param sin (n, pairs)
   */
  rotate(x: string, rows: number, width: number, pairs: number, cos: string, sin: string): string {
    const batch = this.reshape(x, 1, -1, rows * width);
    const part = 2 * pairs < width ? { num_heads: rows, rotary_embedding_dim: 2 * pairs } : {};
    const inputs = [batch, this.#integers([0]), cos, sin];
    const [rotated] = this.nodeWithOutputs('RotaryEmbedding', 1, inputs, part, 'com.microsoft');
    return rotated!;
  }

  /** A vector of ones. */
  ones(width: number): string {
    return this.#constant(`ones.${width}`, [width], new Float32Array(width).fill(1));
  }

  #sizeInputs(tokens: number, past: number): SizeInput[] {
    return [...this.#sizes].map(([name, sizes]) => ({
      name,
      values: sizes.map((size) => {
        if (typeof size === 'number') return size;
        return 'tokens' in size ? size.tokens * tokens : size.past * past;
      }),
    }));
  }

  /** What was written. */
  build(): BuiltGraph {
    const rename = (value: string) => this.#outputNames.get(value) ?? value;
    const model = encodeModel({
      inputs: [...this.#inputs.values()],
      outputs: this.#outputs,
      initializers: [...this.#constants.values()],
      nodes: this.#nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      })),
    });
    return { model, sizes: (tokens, past) => this.#sizeInputs(tokens, past) };
  }

  #constant(name: string, dims: readonly number[], data: InitializerSpec['data']): string {
    this.#constants.set(name, { name, dims, data });
    return name;
  }

  /** Integers as a tensor: a constant if all are known now, else an input. */
  #integers(sizes: readonly Size[]): string {
    if (sizes.every((size) => typeof size === 'number')) {
      const name = `integers.${sizes.join('.')}`;
      return this.#constant(name, [sizes.length], BigInt64Array.from(sizes, BigInt));
    }
    const parts = sizes.map((size) => {
      if (typeof size === 'number') return `${size}`;
      return 'tokens' in size ? `t${size.tokens}` : `p${size.past}`;
    });
    const name = `size.${parts.join('.')}`;
    this.#sizes.set(name, sizes);
    return this.input(name, [sizes.length], 'int64');
  }
}
