import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Plugin } from 'esbuild';

/** Lets files of a bundle print their names when they are evaluated; one that is not there is an error. */
export function tellEvaluated(filter: RegExp): Plugin {
  return {
    name: 'tell-evaluated',
    setup(build) {
      let found = 0;
      build.onLoad({ filter }, ({ path }) => {
        found++;
        const tell = `console.log('${basename(path)} is evaluated');`;
        return { contents: `${readFileSync(path, 'utf8')}\n${tell}`, loader: 'js' };
      });
      build.onEnd(() => {
        if (found === 0) return { errors: [{ text: `no file of the bundle is ${filter}` }] };
        return undefined;
      });
    },
  };
}
