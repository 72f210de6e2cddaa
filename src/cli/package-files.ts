import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Found by the package's own name: right from the bundle, from the sources and when installed. */
const MANIFEST = new URL(import.meta.resolve('tpa-wasm/package.json'));

/** The model that comes with the package. */
export const SHIPPED_MODEL = fileURLToPath(new URL('models/t6-stories.gguf', MANIFEST));

/** The version of the package. */
export async function packageVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(MANIFEST, 'utf8')) as { version: string };
  return version;
}
