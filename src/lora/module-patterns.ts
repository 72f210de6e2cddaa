import { TpaError } from '../base/errors.ts';

/** Whether a module is meant, by its path, e.g. `model.layers.0.self_attn.q_proj`. */
export type ModuleMatcher = (path: string) => boolean;

/** What is a plain name: no sign of a regular expression but the dot, which parts the names of a path. */
const PLAIN = /^[\w.-]*$/;

/** Modules by the end of their paths: `q_proj` is that of every layer. */
export function endingWith(names: readonly string[]): ModuleMatcher {
  return (path) => names.some((name) => path === name || path.endsWith(`.${name}`));
}

/**
 * Modules by a regular expression of Python that their whole path matches, or the end of it. An
 * adapter may come from anybody: the expression runs on the automaton of split patterns, in time
 * linear in the path, and never on the engine's own, where one such as `(a+)+$` takes forever.
 *
 * @throws what `refuse` makes where it cannot
 */
export async function matching(
  source: string,
  isEnd: boolean,
  refuse: () => TpaError,
): Promise<ModuleMatcher> {
  if (isEnd && PLAIN.test(source)) return endingWith([source]);
  // few adapters need it: in a chunk that a model with text has loaded anyway
  const { compilePattern } = await import('../text/tokenizer.ts');
  const compile = () => {
    try {
      return compilePattern(`^${isEnd ? String.raw`(?:.*\.)?` : ''}(?:${source})$`);
    } catch (error) {
      throw error instanceof TpaError ? refuse() : error;
    }
  };
  const pattern = compile();
  return (path) => {
    const scan = pattern.scan(path);
    let found = scan.find(0);
    while (found === 'paused') found = scan.find(0);
    return found !== undefined;
  };
}
