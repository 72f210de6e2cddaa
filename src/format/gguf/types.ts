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

/** The names of all types by their numbers, to refuse by name those that are not read. */
const NAMES = (
  'F32 F16 Q4_0 Q4_1 - - Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS ' +
  'IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 - - - TQ1_0 TQ2_0 - - - ' +
  'MXFP4'
).split(' ');

/** The name of a type; undefined for a number that stands for none. */
export function ggufTypeName(number: number): string | undefined {
  return NAMES[number] === '-' ? undefined : NAMES[number];
}
