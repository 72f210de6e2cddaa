/** A tensor type of ONNX, as far as graphs here need them. */
export type ElementType = 'float32' | 'float16' | 'int32' | 'int64' | 'uint8';

/** A graph input or output; a string dimension is dynamic. */
export interface ValueSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string)[];
}

/** A constant of the graph. */
export interface InitializerSpec {
  readonly name: string;
  readonly data: Float32Array | Int32Array | BigInt64Array;
  readonly dims: readonly number[];
}

/** An attribute: a number is an INT, numbers INTS, a string STRING; a FLOAT says so. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

/** One operator call. */
export interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** A whole graph. */
export interface GraphSpec {
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  readonly initializers?: readonly InitializerSpec[];
  readonly nodes: readonly NodeSpec[];
}

/** A float32 input or output. */
export function floatValue(name: string, ...dims: (number | string)[]): ValueSpec {
  return { name, type: 'float32', dims };
}

// Field numbers below are those of the public onnx.proto3; wire type 0 is varint, 2 bytes, 5 four bytes.
const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;
/** Codes of element types, as models and the Cast operator have them. */
export const ELEMENT_CODE: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  float16: 10,
};
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_INTS = 7;
const IR_VERSION = 8;
/** From opset 13 on ReduceSum and Squeeze take their axes as inputs, as the graphs here write them. */
const OPSET = 17;

/**
 * Serialises a graph as an ONNX model file.
 *
 * @returns the protobuf bytes
 */
export function encodeModel(graph: GraphSpec): Uint8Array {
  return concat([
    integer(1, IR_VERSION),
    message(8, [text(1, ''), integer(2, OPSET)]),
    message(8, [text(1, 'com.microsoft'), integer(2, 1)]),
    message(7, [
      ...graph.nodes.map((node) => message(1, nodeFields(node))),
      text(2, 'tpa'),
      ...(graph.initializers ?? []).map((tensor) => message(5, initializerFields(tensor))),
      ...graph.inputs.map((value) => message(11, valueFields(value))),
      ...graph.outputs.map((value) => message(12, valueFields(value))),
    ]),
  ]);
}

function nodeFields(node: NodeSpec): Uint8Array[] {
  return [
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(4, node.op),
    ...Object.entries(node.attributes ?? {}).map(([name, value]) =>
      message(5, [text(1, name), ...attributeFields(value)]),
    ),
    text(7, node.domain ?? ''),
  ];
}

function attributeFields(value: Attribute): Uint8Array[] {
  if (typeof value === 'number') return [integer(3, value), integer(20, ATTRIBUTE_INT)];
  if (typeof value === 'string') return [text(4, value), integer(20, ATTRIBUTE_STRING)];
  if ('float' in value) return [float(2, value.float), integer(20, ATTRIBUTE_FLOAT)];
  return [...value.map((entry) => integer(8, entry)), integer(20, ATTRIBUTE_INTS)];
}

function initializerFields({ name, data, dims }: InitializerSpec): Uint8Array[] {
  return [
    ...dims.map((dim) => integer(1, dim)),
    integer(2, ELEMENT_CODE[elementType(data)]),
    text(8, name),
    lengthDelimited(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ];
}

function valueFields({ name, type, dims }: ValueSpec): Uint8Array[] {
  const shape = dims.map((dim) =>
    message(1, [typeof dim === 'number' ? integer(1, dim) : text(2, dim)]),
  );
  const tensorType = message(1, [integer(1, ELEMENT_CODE[type]), message(2, shape)]);
  return [text(1, name), message(2, [tensorType])];
}

function elementType(data: InitializerSpec['data']): ElementType {
  if (data instanceof Float32Array) return 'float32';
  return data instanceof Int32Array ? 'int32' : 'int64';
}

function integer(field: number, value: number): Uint8Array {
  return concat([varint((field << 3) | VARINT), varint(value)]);
}

function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return concat([varint((field << 3) | FIXED32), bytes]);
}

function text(field: number, value: string): Uint8Array {
  return lengthDelimited(field, new TextEncoder().encode(value));
}

function message(field: number, fields: readonly Uint8Array[]): Uint8Array {
  return lengthDelimited(field, concat(fields));
}

function lengthDelimited(field: number, payload: Uint8Array): Uint8Array {
  return concat([varint((field << 3) | BYTES), varint(payload.length), payload]);
}

/** Base-128 digits, lowest first; negative values as 64-bit two's complement. */
function varint(value: number): Uint8Array {
  const digits: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) digits.push(Number(rest & 127n) | 128);
  digits.push(Number(rest));
  return Uint8Array.from(digits);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
