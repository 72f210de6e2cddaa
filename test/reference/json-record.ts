/** A parsed JSON object. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** The number under a key; `fallback` where the key is absent or null. @throws Error where there is neither */
export function numberIn(record: JsonRecord, key: string, fallback?: number): number {
  const value = record[key] ?? fallback;
  if (typeof value !== 'number') throw new Error(`no number "${key}"`);
  return value;
}

/** The boolean under a key; `fallback` where the key is absent or null. @throws Error on anything else */
export function booleanIn(record: JsonRecord, key: string, fallback: boolean): boolean {
  const value = record[key] ?? fallback;
  if (typeof value !== 'boolean') throw new Error(`no boolean "${key}"`);
  return value;
}
