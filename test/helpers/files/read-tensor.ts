import { readFloats, type TensorSet } from '../../../src/format/tensors/tensors.ts';

/** All elements of a tensor; one that is not there is taken to have one. */
export async function readTensor(tensors: TensorSet, name: string): Promise<Float32Array> {
  const shape = tensors.entries.get(name)?.shape ?? [];
  const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
  await readFloats(tensors, name, 0, values);
  return values;
}
