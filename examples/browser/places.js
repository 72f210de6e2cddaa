/* Where the parts of the page are: this folder, the package that was built or installed, the model. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const HERE = dirname(fileURLToPath(import.meta.url));
const INSTALLED = join(HERE, 'node_modules/tpa-wasm');
const REPOSITORY = join(HERE, '../..');

/** The folder of tpa-wasm: the one asked for, the one installed here, or the repository. */
export function findPackage(asked) {
  return resolve(asked ?? (existsSync(INSTALLED) ? INSTALLED : REPOSITORY));
}

export const standaloneOf = (folder) => join(folder, 'dist/standalone');
export const modelsOf = (folder) => join(folder, 'models');
