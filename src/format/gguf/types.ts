import { IQ4_NL, IQ4_XS } from './blocks/iq4.ts';
import { Q2_K, Q3_K, Q4_K, Q5_K, Q6_K } from './blocks/k-quants.ts';
import { Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 } from './blocks/legacy.ts';
import type { BlockType } from '../tensors/block-type.ts';
import type { TensorDtype } from '../tensors/half.ts';

/** How floats are stored: one by one. */
interface FloatType {
  readonly name: TensorDtype;
  readonly blockLength: 1;
  readonly blockBytes: number;
}

/** How the elements of a tensor are stored; a row is a whole number of blocks. */
export type GgufType = FloatType | BlockType;

/** The types that are read, by their numbers in the file. */
export const GGUF_TYPES: ReadonlyMap<number, GgufType> = new Map<number, GgufType>([
  [0, { name: 'F32', blockLength: 1, blockBytes: 4 }],
  [1, { name: 'F16', blockLength: 1, blockBytes: 2 }],
  [30, { name: 'BF16', blockLength: 1, blockBytes: 2 }],
  [2, Q4_0],
  [3, Q4_1],
  [6, Q5_0],
  [7, Q5_1],
  [8, Q8_0],
  [10, Q2_K],
  [11, Q3_K],
  [12, Q4_K],
  [13, Q5_K],
  [14, Q6_K],
  [20, IQ4_NL],
  [23, IQ4_XS],
]);

/** The blocks of a type that has some; none of floats. */
export function blocksOfType(type: GgufType): BlockType | undefined {
  return 'dequantize' in type ? type : undefined;
}

/** The names of all types by their numbers, to refuse by name those that are not read. */
const NAMES = (
  'F32 F16 Q4_0 Q4_1 Q4_2 Q4_3 Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS ' +
  'IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 Q4_0_4_4 Q4_0_4_8 ' +
  'Q4_0_8_8 TQ1_0 TQ2_0 IQ4_NL_4_4 IQ4_NL_4_8 IQ4_NL_8_8 MXFP4 NVFP4 ' +
  'Q1_0'
).split(' ');

/** The name of a type; undefined for a number that stands for none. */
export function ggufTypeName(number: number): string | undefined {
  return NAMES[number];
}
