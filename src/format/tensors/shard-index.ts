import { TpaError, printable } from '../../base/errors.ts';
import { type ByteSource, bytesSource, readAll } from '../files/byte-source.ts';
import { refuseStandIn } from '../files/stand-in.ts';
import { JsonScanner } from './json-scan.ts';
import { MAX_TENSORS } from './safetensors.ts';

/** 65,536 names of 250 bytes. */
const MAX_INDEX_BYTES = 16 * 2 ** 20;
/** The largest published checkpoints have about 200. */
export const MAX_SHARDS = 1024;

/**
 * Tensor name -> shard, from the `weight_map` of an index; empty where there is none.
 *
 * @param shardName what the name of a shard must match
 * @throws TpaError `PATH_ESCAPE`, `RESOURCE_LIMIT`, `WEIGHTS_HEADER_JSON`, `WEIGHTS_DUPLICATE_NAME`,
 *   `WEIGHTS_TOO_MANY`
 */
export async function readShardIndex(
  index: ByteSource,
  shardName: RegExp,
): Promise<ReadonlyMap<string, string>> {
  const bytes = await readAll(index, MAX_INDEX_BYTES);
  await refuseStandIn(bytesSource(index.name, bytes), 'WEIGHTS_HEADER_JSON');
  const json = new JsonScanner(bytes, index.name);
  const shardOf = new Map<string, string>();
  json.object((key) => {
    if (key !== 'weight_map') return json.skip();
    json.object((name) => {
      const shard = json.string();
      if (!shardName.test(shard)) throw escape(index.name, name);
      shardOf.set(name, shard);
    }, MAX_TENSORS);
  }, MAX_TENSORS);
  json.end();
  return shardOf;
}

function escape(index: string, tensor: string): TpaError {
  const message = `"${printable(index)}" expected the bare name of a file of weights for "${printable(tensor)}", found another path`;
  return new TpaError('PATH_ESCAPE', message);
}
