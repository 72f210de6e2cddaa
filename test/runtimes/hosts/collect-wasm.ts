import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Plugin } from 'esbuild';

/** What a `.wasm` import becomes on Workers: a module of its own beside the script. */
export function collectWasm(folder: string): Plugin {
  return {
    name: 'collect-wasm',
    setup(build) {
      build.onResolve({ filter: /\.wasm$/ }, ({ path, resolveDir }) => {
        mkdirSync(folder, { recursive: true });
        copyFileSync(join(resolveDir, path), join(folder, basename(path)));
        return { path: `./${basename(path)}`, external: true };
      });
    },
  };
}
