/** The built-in modules of Node that are used, and their types. */
interface Builtins {
  readonly child_process: typeof import('node:child_process');
  readonly fs: typeof import('node:fs');
  readonly 'fs/promises': typeof import('node:fs/promises');
  readonly os: typeof import('node:os');
  readonly path: typeof import('node:path');
  readonly url: typeof import('node:url');
  readonly worker_threads: typeof import('node:worker_threads');
}

/**
 * A built-in module where the runtime has them (Node, Deno, Bun). No import names one: bundlers for
 * browsers warn of `node:` or refuse it, even where it is never reached.
 *
 * @returns undefined in browsers and workers
 */
export function nodeBuiltin<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(id: string): unknown } };
  return process?.getBuiltinModule?.(`node:${name}`) as Builtins[Name] | undefined;
}

/** The code of an error of a built-in module, such as `ENOENT`; undefined for other errors. */
export function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Whether a call failed because Deno lacks a permission for it. */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && error.name === 'NotCapable';
}
