import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Pin, PINS, type RuntimeName } from './pins.ts';

/** Where `npm run runtimes` installs; git-ignored. */
export const RUNTIMES = fileURLToPath(new URL('../../.runtimes/', import.meta.url));

/** Written into a folder in place of what could not be installed: why. */
export const REASON_FILE = 'missing.txt';

/** An installed runtime. */
export interface Runtime {
  readonly title: string;
  readonly version: string;
  /** Its node_modules. */
  readonly modules: string;
  /** Path of the program; of a library, of its node_modules. */
  readonly program: string;
}

/** Why a runtime cannot be had: a line that names it. */
export interface Missing {
  readonly missing: string;
}

/** The pinned runtime if it is installed, else why not; installs nothing. */
export function findRuntime(name: RuntimeName): Runtime | Missing {
  const { title, packages, program = '' }: Pin = PINS[name];
  const version = Object.values(packages)[0]!;
  const modules = `${RUNTIMES}${name}/node_modules/`;
  const isInstalled = Object.entries(packages).every(
    ([file, pinned]) => versionOf(`${modules}${file}`) === pinned,
  );
  const reason = `${RUNTIMES}${name}/${REASON_FILE}`;
  if (existsSync(reason)) {
    return { missing: `${title} ${version}: ${readFileSync(reason, 'utf8')}` };
  }
  if (!isInstalled) return { missing: `${title} ${version} is not installed (npm run runtimes)` };
  return { title, version, modules, program: `${modules}${program}` };
}

function versionOf(folder: string): string | undefined {
  const file = `${folder}/package.json`;
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, 'utf8')) as { version?: string }).version;
}
