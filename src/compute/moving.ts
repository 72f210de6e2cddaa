import { bytesOf, type Rows } from '../layout/numbers.ts';
import type { Moving } from '../threads/operations.ts';

/** The row that a range begins with. */
export function rowsFrom({ at, stride }: Rows): Moving {
  return { at, perFirst: bytesOf(stride) };
}

/** The number of those at an address that a range begins with. */
export function numbersFrom(at: number, perUnit = 1): Moving {
  return { at, perFirst: bytesOf(perUnit) };
}
