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

/** Asks what is allowed already; nobody is asked for more. Everything is outside Deno. */
export async function isAllowed(permission: DenoPermission): Promise<boolean> {
  const deno: unknown = Reflect.get(globalThis, 'Deno');
  if (!isDeno(deno)) return true;
  return (await deno.permissions.query(permission)).state === 'granted';
}

function isDeno(scope: unknown): scope is DenoScope {
  return typeof scope === 'object' && scope !== null && 'permissions' in scope;
}
