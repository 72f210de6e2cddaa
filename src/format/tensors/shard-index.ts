import { TpaError } from '../../base/errors.ts';
import { readAll } from '../files/byte-source.ts';
import { JsonScanner } from './json-scan.ts';
import { printable } from '../../base/printable.ts';
import { MAX_TENSORS } from './safetensors.ts';
import { invalidCheckpoint } from '../checkpoint-error.ts';
import type { ByteSource } from '../files/byte-source.ts';

/** 65,536 names of 250 bytes. */
const MAX_INDEX_BYTES = 16 * 2 ** 20;
/** The largest published checkpoints have about 200. */
const MAX_SHARDS = 1024;
const SHARD_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,240}\.bin$/;

/**
 * Tensor name -> shard, from the `weight_map` of a `pytorch_model.bin.index.json`.
 *
 * @throws TpaError `CHECKPOINT_INVALID`, `PATH_ESCAPE`, `RESOURCE_LIMIT`, `WEIGHTS_HEADER_JSON`,
 *   `WEIGHTS_DUPLICATE_NAME`, `WEIGHTS_TOO_MANY`
 */
export async function readShardIndex(index: ByteSource): Promise<ReadonlyMap<string, string>> {
  const file = `"${printable(index.name)}"`;
  const json = new JsonScanner(await readAll(index, MAX_INDEX_BYTES), index.name);
  const shardOf = new Map<string, string>();
  json.object((key) => {
    if (key !== 'weight_map') return json.skip();
    json.object((name) => {
      const shard = json.string();
      if (!SHARD_NAME.test(shard)) {
        const message = `${file} expected the bare name of a .bin file for "${printable(name)}", found another path`;
        throw new TpaError('PATH_ESCAPE', message);
      }
      shardOf.set(name, shard);
    }, MAX_TENSORS);
  }, MAX_TENSORS);
  json.end();
  const shards = new Set(shardOf.values()).size;
  if (shards >= 1 && shards <= MAX_SHARDS) return shardOf;
  throw invalidCheckpoint(file, `1 to ${MAX_SHARDS} shards`, shards);
}
