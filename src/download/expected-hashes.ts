import { printable } from '../base/printable.ts';
import { SHARD_NAME } from '../format/tensors/tensors.ts';

/** The files of a model that are no weights. */
const OTHER_FILES: ReadonlySet<string> = new Set([
  'config.json',
  'generation_config.json',
  'model.safetensors.index.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
]);
const SHA256 = /^[0-9a-f]{64}$/i;

/**
 * Refuses what are no hashes of a model's files.
 *
 * @throws TypeError
 */
export function checkHashes(hashes: unknown): void {
  if (typeof hashes !== 'object' || hashes === null) {
    throw new TypeError(`"sha256" expected hashes by file name, got ${String(hashes)}`);
  }
  for (const [file, hash] of Object.entries(hashes)) {
    if (!OTHER_FILES.has(file) && !SHARD_NAME.test(file)) {
      throw new TypeError(`"sha256" expected names of a model's files, got "${printable(file)}"`);
    }
    if (typeof hash !== 'string' || !SHA256.test(hash)) {
      throw new TypeError(`"sha256" expected 64 hexadecimal digits for "${file}"`);
    }
  }
}
