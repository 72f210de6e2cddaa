/** Another file in every runtime: the package's `imports` choose it. */
declare module '#cache' {
  /** Opens the cache that this runtime has; asks nobody for permission. */
  export function openRuntimeCache(): Promise<import('./model-cache.ts').RuntimeCache>;
}
