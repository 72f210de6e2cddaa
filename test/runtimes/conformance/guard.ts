/*
 * Evaluated before the package is: notes every global that the package reads while it is imported,
 * and every one that it leaves behind.
 */

/** What a server has none of, what a policy may forbid, and what costs time. */
const WATCHED = [
  'navigator',
  'document',
  'window',
  'location',
  'localStorage',
  'indexedDB',
  'caches',
  'crypto',
  'fetch',
  'process',
  'Worker',
  'SharedArrayBuffer',
  'MessageChannel',
];

const touched = new Set<string>();
const before = new Set(Object.getOwnPropertyNames(globalThis));
const originals = new Map<string, PropertyDescriptor | undefined>();

for (const name of WATCHED) {
  const original = Object.getOwnPropertyDescriptor(globalThis, name);
  // a page's window and document cannot be replaced
  if (original?.configurable === false) continue;
  originals.set(name, original);
  Object.defineProperty(globalThis, name, {
    configurable: true,
    get() {
      touched.add(name);
      return original?.get?.call(globalThis) ?? (original?.value as unknown);
    },
  });
}

/** What happened to the globals since. Ends the watch. */
export function sideEffects(): { touched: string[]; added: string[]; watched: number } {
  for (const [name, original] of originals) {
    if (original === undefined) Reflect.deleteProperty(globalThis, name);
    else Object.defineProperty(globalThis, name, original);
  }
  const added = Object.getOwnPropertyNames(globalThis).filter((name) => !before.has(name));
  return { touched: [...touched], added, watched: originals.size };
}
