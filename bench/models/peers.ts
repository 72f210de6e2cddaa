import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Subject } from './subjects.ts';

/** A runtime to compare with, as `npm run runtimes` has installed it. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Its node_modules, ending in a slash. */
  readonly modules: string;
}

const RUNTIMES = fileURLToPath(new URL('../../.runtimes/', import.meta.url));

/** By runtime: the folder it is installed in, and its package there. */
const PACKAGES = {
  'llama.cpp': { folder: 'node-llama-cpp', name: 'node-llama-cpp' },
  wllama: { folder: 'wllama', name: '@wllama/wllama' },
} as const;

/** Whether a runtime is not a part of this repository. */
export function isPeer(runtime: Subject['runtime']): runtime is keyof typeof PACKAGES {
  return runtime in PACKAGES;
}

/** An installed peer; undefined where there is none. */
export function findPeer(runtime: keyof typeof PACKAGES): Peer | undefined {
  const { folder, name } = PACKAGES[runtime];
  const modules = `${RUNTIMES}${folder}/node_modules/`;
  const file = `${modules}${name}/package.json`;
  if (!existsSync(file)) return undefined;
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return { name, version, modules };
}

/** All that are installed. */
export function listPeers(): Peer[] {
  const found = (Object.keys(PACKAGES) as (keyof typeof PACKAGES)[]).map(findPeer);
  return found.filter((peer) => peer !== undefined);
}
