import { readAll } from './byte-source.ts';
import { isDeeperThan } from '../../base/json-depth.ts';
import { invalidCheckpoint } from '../checkpoint-error.ts';
import type { ModelFiles } from './model-files.ts';
import type { JsonObject } from '../contents.ts';

/** The largest tokenizers published take 35 MB. */
const MAX_BYTES = 64 * 2 ** 20;
/** Published ones nest 5 deep. */
const MAX_DEPTH = 32;

/**
 * A JSON object that a directory may hold beside the weights; undefined where there is none.
 *
 * @throws TpaError `CHECKPOINT_INVALID`, `RESOURCE_LIMIT`, `PATH_ESCAPE`
 */
export async function readJsonBeside(
  files: ModelFiles,
  file: string,
): Promise<JsonObject | undefined> {
  const source = await files.open(file);
  return source && parseJsonObject(await readAll(source, MAX_BYTES), file);
}

/**
 * A JSON object of a file or of a metadata string.
 *
 * @throws TpaError `CHECKPOINT_INVALID` where it is none, or nests too deep
 */
export function parseJsonObject(bytes: Uint8Array, subject: string): JsonObject {
  const refused = (found: string) => invalidCheckpoint(`"${subject}"`, 'a JSON object', found);
  if (isDeeperThan(MAX_DEPTH, bytes)) throw refused(`more than ${MAX_DEPTH} levels`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    // The cause would quote the file.
    throw refused('other text');
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw refused('another value');
}
