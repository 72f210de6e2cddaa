import { printable } from '../../base/errors.ts';
import { unsupportedCheckpoint } from '../../format/errors.ts';
import { ELEMENT_BYTES, storedBytes, widenInPlace } from '../../format/tensors/half.ts';
import { checkFinite } from '../../format/tensors/tensors.ts';
import { CHUNK_BYTES, twoBuffers } from '../read-chunks.ts';
import { exactly } from '../safetensors-writer.ts';
import { permutedRows, type Pieces, wholeUnits } from './pieces.ts';
import * as rounding from './quantize.ts';
import { GGUF_TYPES } from '../../format/gguf/types.ts';
import type { CheckpointTensor } from '../checkpoint.ts';
import type { TensorInfo } from './header-writer.ts';

/** The types that weights can be rounded to. */
export type GgufDtype = 'f32' | 'f16' | 'bf16' | 'q8_0' | 'q4_0';

/** A tensor as it will lie in a GGUF file. */
export interface WrittenTensor {
  /** Its name in the file. */
  readonly name: string;
  /** Name of its type, e.g. `Q8_0`. */
  readonly type: string;
  /** What the source stores. */
  readonly from: string;
  /** Its dimensions, rows first. */
  readonly shape: readonly number[];
  /** Bytes it will take. */
  readonly byteLength: number;
}

/** The same with its bytes. */
export interface StoredTensor extends TensorInfo, WrittenTensor {
  /** Exactly `byteLength` bytes, in pieces, each valid until the next but one is drawn. */
  chunks(): Pieces;
}

/** How a tensor is to be stored. */
export interface Storing {
  /** Its name in the file. */
  readonly name: string;
  readonly type: string;
  /** Width of a head, where the rows of heads are permuted. */
  readonly headDim?: number;
}

const ROUNDINGS: Readonly<Record<string, rounding.Rounding>> = {
  F32: rounding.copyFloat32,
  F16: rounding.narrowToFloat16,
  BF16: rounding.narrowToBfloat16,
  Q8_0: rounding.quantizeQ8,
  Q4_0: rounding.quantizeQ4,
};
/** Elements that are rounded at once. */
const STEP = CHUNK_BYTES / Float32Array.BYTES_PER_ELEMENT;

/**
 * The type of a tensor: norms, biases and fixed factors stay float32, and rows that are no whole
 * blocks become float16, both as llama.cpp does.
 *
 * @param asked what matrices are rounded to; undefined keeps what the source stores
 */
export function typeOf(
  { name, shape, storedAs }: Pick<CheckpointTensor, 'name' | 'shape' | 'storedAs'>,
  asked: GgufDtype | undefined,
): string {
  const isMatrix = shape.length === 2 && name.endsWith('.weight');
  if (!isMatrix) return 'F32';
  const type = asked?.toUpperCase() ?? storedAs;
  const isWhole = shape[1]! % blockOf(name, type).blockLength === 0;
  return isWhole ? type : 'F16';
}

/** The tensor in its type, from the bytes as they are where the source has the same one. */
export function storedTensor(
  tensor: CheckpointTensor,
  { name, type, headDim }: Storing,
): StoredTensor {
  const { shape, storedAs, blocks, dtype } = tensor;
  const { typeNumber, blockLength, blockBytes } = blockOf(tensor.name, type);
  const bytesOf = (elements: number) => (elements / blockLength) * blockBytes;
  const byteLength = bytesOf(shape.reduce((product, size) => product * size, 1));
  const rowBytes = bytesOf(shape.length > 1 ? shape.at(-1)! : 1);
  const plain = (): Pieces => {
    if (type === storedAs && blocks) return blocks();
    return type === dtype ? tensor.chunks() : rounded(tensor, type);
  };
  const ordered = () =>
    headDim === undefined ? plain() : permutedRows(plain(), { headDim, rowBytes });
  return {
    name,
    type,
    from: storedAs,
    typeNumber,
    shape,
    byteLength,
    chunks: () => exactly({ name: tensor.name, byteLength, chunks: ordered }),
  };
}

/** Number and blocks of a type, by its name. @throws TpaError `MODEL_UNSUPPORTED` */
function blockOf(tensor: string, name: string) {
  for (const [typeNumber, type] of GGUF_TYPES) {
    if (type.name === name) return { typeNumber, ...type };
  }
  const subject = `tensor "${printable(tensor)}"`;
  throw unsupportedCheckpoint(subject, 'a type of GGUF that is read', printable(name));
}

async function* rounded(tensor: CheckpointTensor, type: string): AsyncGenerator<Uint8Array> {
  const { name, dtype } = tensor;
  const { blockLength, blockBytes } = blockOf(name, type);
  const elementBytes = ELEMENT_BYTES[dtype];
  const values = new Float32Array(STEP);
  const take = twoBuffers((STEP / blockLength) * blockBytes);
  let first = 0;
  for await (const piece of wholeUnits(tensor.chunks(), blockLength * elementBytes)) {
    for (let at = 0; at < piece.length; at += STEP * elementBytes) {
      const bytes = piece.subarray(at, at + STEP * elementBytes);
      const part = values.subarray(0, Math.floor(bytes.length / elementBytes));
      storedBytes(part, dtype).set(bytes.subarray(0, part.length * elementBytes));
      widenInPlace(part, dtype);
      const out = take().subarray(0, Math.floor(part.length / blockLength) * blockBytes);
      const beyond = ROUNDINGS[type]!(part, out);
      if (beyond >= 0) {
        checkFinite(name, first, part);
        throw tooLarge(name, first + beyond, type);
      }
      yield out;
      first += part.length;
    }
  }
}

function tooLarge(name: string, index: number, type: string) {
  const found = `a larger one at element ${index}: choose f32 or, where that is not it, bf16`;
  const subject = `tensor "${printable(name)}"`;
  return unsupportedCheckpoint(subject, `numbers that ${type} can hold`, found);
}
