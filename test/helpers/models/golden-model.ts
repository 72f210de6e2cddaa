import type { NamedTensors } from '../../reference/named-tensors.ts';
import type { Golden } from '../checks/golden.ts';

/** The tensors of a golden model as the references take them; ids and outputs are among them. */
export function namedTensors({ tensors }: Golden): NamedTensors {
  return new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, values: data }]));
}
