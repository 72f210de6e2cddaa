import { nodeBuiltin } from '../../base/node.ts';
import { cachePlace } from './cache-place.ts';
import { isAllowed } from './deno-permissions.ts';
import { folderCache } from './folder-cache.ts';
import type { RuntimeCache } from './model-cache.ts';

/** A folder of the user's: a module behind `#cache` for Node, Deno and Bun. */
export async function openRuntimeCache(): Promise<RuntimeCache> {
  const folder = await cachePlace(readVariable, process.platform);
  if (folder === undefined) {
    return {
      info: { kind: 'none', reason: 'no variable that may be read says where: set TPA_CACHE' },
    };
  }
  for (const name of ['read', 'write'] as const) {
    if (await isAllowed({ name, path: folder })) continue;
    return { info: { kind: 'none', reason: `Deno has not been allowed to ${name} ${folder}` } };
  }
  const fs = nodeBuiltin('fs/promises');
  if (fs === undefined) return { info: { kind: 'none', reason: 'no file system' } };
  const cache = folderCache(folder, fs);
  return { cache, info: { kind: 'folder', reason: `files are kept in ${folder}` } };
}

async function readVariable(variable: string): Promise<string | undefined> {
  return (await isAllowed({ name: 'env', variable })) ? process.env[variable] : undefined;
}
