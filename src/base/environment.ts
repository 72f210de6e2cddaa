import { nodeBuiltin } from './node.ts';

/** A permission of Deno's, for one path or variable. */
export interface DenoPermission {
  readonly name: 'env' | 'read' | 'write';
  readonly variable?: string;
  readonly path?: string;
}

interface DenoScope {
  readonly permissions: {
    query(permission: DenoPermission): Promise<{ readonly state: string }>;
  };
}

/** Whether this is the main thread of a page, which no task may hold for longer than a frame. */
export function isPage(): boolean {
  return 'document' in globalThis;
}

/** Cores that the runtime reports, 1 where it reports none. */
export function countCores(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  return navigator?.hardwareConcurrency ?? nodeBuiltin('os')?.availableParallelism() ?? 1;
}

/** A variable of the environment; undefined where there is none, or it may not be read. */
export async function readVariable(variable: string): Promise<string | undefined> {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  if (process?.env === undefined) return undefined;
  return (await isAllowed({ name: 'env', variable })) ? process.env[variable] : undefined;
}

/** Whether Deno allows it already, without asking the user; outside Deno everything is allowed. */
export async function isAllowed(permission: DenoPermission): Promise<boolean> {
  const deno: unknown = Reflect.get(globalThis, 'Deno');
  if (!isDeno(deno)) return true;
  return (await deno.permissions.query(permission)).state === 'granted';
}

function isDeno(scope: unknown): scope is DenoScope {
  return typeof scope === 'object' && scope !== null && 'permissions' in scope;
}
