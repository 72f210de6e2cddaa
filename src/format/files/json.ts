import { isDeeperThan } from '../../base/json-depth.ts';
import type { TpaError } from '../../base/errors.ts';
import type { JsonObject } from '../contents.ts';

/** Published files nest 3 to 5 deep. */
const MAX_DEPTH = 32;

/** Makes the error of a text that breaks `rule`; `found` quotes nothing of it. */
export type Refuse = (rule: string, found: string) => TpaError;

/**
 * The value of a JSON text of bounded depth.
 *
 * @throws what `refuse` makes, without the engine's error as its cause: that would quote the file
 */
export function parseJson(bytes: Uint8Array, refuse: Refuse, ignoreBOM = true): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM }).decode(bytes);
  } catch {
    throw refuse('UTF-8 text', 'other bytes');
  }
  if (isDeeperThan(MAX_DEPTH, bytes)) throw refuse(`at most ${MAX_DEPTH} levels`, 'more');
  try {
    return JSON.parse(text);
  } catch {
    throw refuse('JSON', 'other text');
  }
}

/** The same value, where it is an object. @throws what `refuse` makes */
export function expectObject(json: unknown, refuse: Refuse): JsonObject {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw refuse('an object', 'another value');
}
