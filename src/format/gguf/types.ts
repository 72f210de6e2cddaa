import { BLOCK_TYPES } from './dequantize.ts';
import { ELEMENT_BYTES, type TensorDtype } from '../tensors/half.ts';

/** How the elements of a tensor are stored. */
export interface GgufType {
  readonly name: string;
  /** Elements that are stored together; a row is a whole number of blocks. */
  readonly blockLength: number;
  readonly blockBytes: number;
}

function plain(name: TensorDtype): GgufType {
  return { name, blockLength: 1, blockBytes: ELEMENT_BYTES[name] };
}

function blocks(name: string): GgufType {
  const { length, bytes } = BLOCK_TYPES.get(name)!;
  return { name, blockLength: length, blockBytes: bytes };
}

/** The types that are read, by their numbers in the file. */
export const GGUF_TYPES: ReadonlyMap<number, GgufType> = new Map([
  [0, plain('F32')],
  [1, plain('F16')],
  [2, blocks('Q4_0')],
  [8, blocks('Q8_0')],
  [30, plain('BF16')],
]);

/** The types that are not, to refuse them by name. */
export const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [3, 'Q4_1'],
  [6, 'Q5_0'],
  [7, 'Q5_1'],
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [12, 'Q4_K'],
  [13, 'Q5_K'],
  [14, 'Q6_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
]);
